"""What the options of a training compute, against hand-written steps and a plain loop."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from simulations.datasets.image_dataset import load
from simulations.models.devices import checked_device, matmul_precision
from simulations.models.evaluation import Scores
from simulations.runtime.random_streams import torch_stream
from simulations.training.optimizers import rate_factor
from simulations.training.single import train
from tests.simulations.training.helpers.trainings import call_of, digest, network, plain_training, same


@pytest.fixture(scope="module")
def digits():
    return load("digits", limit=100)


@pytest.mark.parametrize("kind", ["momentum", "adam", "dropout", "batch norm"])
def test_without_options_the_bits_are_those_of_a_plain_loop(digits, kind):
    model, arguments = call_of(kind)
    result = train(model, digits, **arguments)
    assert same(result.end, plain_training(call_of(kind)[0], digits, **arguments))
    assert result.steps_taken == 20


# Starts, ends and histories of the training this package had before it had options (commit 9f9680f), torch
# 2.13.0+cpu, one thread, AMD EPYC with AVX-512.
PINNED = {
    "momentum": "1ebee5f54e71004469c49d7adb1720c9",
    "adam": "6f303ea76340887f8b3ddb64536f72f0",
}


@pytest.mark.parametrize("kind", PINNED)
def test_the_bits_are_those_of_the_training_before_it_had_options(digits, kind):
    model, arguments = call_of(kind, max_epochs=3)
    result = train(model, digits, **arguments)
    history = [result.history[name].values for name in ("loss", "error", "class_accuracy", "steps")]
    found = digest([result.start, result.end], history)
    if found != PINNED[kind]:
        # Another processor or torch may round otherwise. Then the plain loop, which the test above compares
        # with, has other bits too; it does not where the training itself has changed.
        end = plain_training(call_of(kind)[0], digits, **arguments)
        assert same(end, result.end)
        pytest.skip(f"this machine rounds otherwise than the one of the pinned digest: {found}")


class Softmax(nn.Module):
    """Linear, in float64: a hand-written step is compared at round-off."""

    def __init__(self):
        super().__init__()
        self.W = nn.Parameter(torch.full((10, 64), 0.01, dtype=torch.float64))
        self.b = nn.Parameter(torch.linspace(-0.1, 0.1, 10, dtype=torch.float64))

    def forward(self, x):
        return x.flatten(1).double() @ self.W.T + self.b


def by_hand(data, *, optimizer, decay=0.0, smoothing=0.0, clip=math.inf, rates, seed=5):
    """W and b after one epoch for each rate, batches of 40, 40 and 20; momentum 0.9."""
    x = data.inputs.flatten(1).double().numpy()
    targets = (1 - smoothing) * np.eye(10)[data.labels.numpy()] + smoothing / 10
    W, b = np.full((10, 64), 0.01), np.linspace(-0.1, 0.1, 10)
    first = {"W": np.zeros_like(W), "b": np.zeros_like(b)}
    second = {"W": np.zeros_like(W), "b": np.zeros_like(b)}
    order, step, clipped = torch_stream(seed, "order"), 0, 0
    for rate in rates:
        shuffled = torch.randperm(100, generator=order).numpy()
        for batch in (shuffled[:40], shuffled[40:80], shuffled[80:]):
            step += 1
            z = x[batch] @ W.T + b
            p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
            d = (p - targets[batch]) / len(batch)
            gradient = {"W": d.T @ x[batch], "b": d.sum(axis=0)}
            norm = math.sqrt(sum((g**2).sum() for g in gradient.values()))
            clipped += norm > clip
            gradient = {name: g * min(1.0, clip / (norm + 1e-6)) for name, g in gradient.items()}
            if optimizer == "adamw":
                W *= 1 - rate * decay
            else:
                gradient["W"] = gradient["W"] + decay * W  # never the bias
            for name, value in (("W", W), ("b", b)):
                g = gradient[name]
                if optimizer == "sgd":
                    first[name] = 0.9 * first[name] + g
                    value -= rate * first[name]
                else:
                    first[name] = 0.9 * first[name] + 0.1 * g
                    second[name] = 0.999 * second[name] + 0.001 * g**2
                    root = np.sqrt(second[name] / (1 - 0.999**step)) + 1e-8
                    value -= rate * first[name] / (1 - 0.9**step) / root
    return W, b, clipped


COSINE = [0.05, 0.05 * (2 + 2**0.5) / 4, 0.025, 0.05 * (2 - 2**0.5) / 4]


@pytest.mark.parametrize(
    ("options", "hand"),
    [
        ({"optimizer": "sgd", "weight_decay": 0.1}, {"decay": 0.1}),
        ({"optimizer": "adam", "weight_decay": 0.1}, {"decay": 0.1}),
        ({"optimizer": "adamw", "weight_decay": 0.5}, {"decay": 0.5}),
        ({"optimizer": "sgd", "label_smoothing": 0.2}, {"smoothing": 0.2}),
        ({"optimizer": "sgd", "clip_norm": 1.0}, {"clip": 1.0}),
        ({"optimizer": "sgd", "schedule": "cosine"}, {"rates": COSINE}),
        ({"optimizer": "adamw", "schedule": "step"}, {"rates": [0.05, 0.05, 0.005, 0.0005]}),
    ],
    ids=lambda value: ",".join(f"{key}={v}" for key, v in value.items()) if "optimizer" in value else "",
)  # fmt: skip
def test_options_agree_with_hand_written_steps(digits, options, hand):
    arguments = {"learning_rate": 0.05, "max_epochs": 4, "batch_size": 40, "seed": 5}
    result = train(Softmax(), digits, **arguments, **options)
    W, b, clipped = by_hand(digits, **{"optimizer": options["optimizer"], "rates": [0.05] * 4} | hand)
    np.testing.assert_allclose(result.end["W"].numpy(), W, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(result.end["b"].numpy(), b, rtol=1e-10, atol=1e-12)
    plain = train(Softmax(), digits, optimizer=options["optimizer"], **arguments)
    assert float((plain.end["W"] - result.end["W"]).abs().max()) > 1e-4  # the option does something
    if "clip_norm" in options:
        assert 0 < clipped < 12  # both kinds of step were compared


def test_a_clip_norm_never_exceeded_changes_no_bit(digits):
    model, arguments = call_of("momentum")
    free = train(model, digits, **arguments)
    assert same(free.end, train(call_of("momentum")[0], digits, **arguments, clip_norm=1e6).end)


def test_the_reported_loss_is_the_plain_cross_entropy(digits):
    model, arguments = call_of("momentum", label_smoothing=0.5, target_loss=1.9, max_epochs=50)
    result = train(model, digits, **arguments)
    with torch.no_grad():
        assert result.history.loss[-1] == Scores(result.model(digits.inputs), digits.labels).loss
    assert result.status == "reached"
    assert result.history.loss[-1] <= 1.9


@pytest.mark.parametrize("max_epochs", [1, 2, 7, 100])
def test_schedules_start_at_one_and_stay_above_zero(max_epochs):
    for schedule, last in (("constant", 1.0), ("cosine", 1e-5), ("step", 0.01)):
        factors = [rate_factor(schedule, epoch, max_epochs) for epoch in range(max_epochs)]
        assert factors[0] == 1.0
        assert factors == sorted(factors, reverse=True)
        assert factors[-1] >= last


class Magnified(nn.Module):
    """Batch variances beyond float32, with a finite loss and finite parameters."""

    def __init__(self):
        super().__init__()
        self.norm, self.last = nn.BatchNorm1d(64), nn.Linear(64, 10)
        nn.init.zeros_(self.last.weight)

    def forward(self, x):
        return self.last(self.norm(x.flatten(1) * 1e25))


def test_running_statistics_that_are_not_finite_are_divergence(digits):
    result = train(Magnified(), digits, learning_rate=0.1, max_epochs=3, seed=0)
    assert result.status == "diverged"
    assert same(result.start, result.end)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in result.model.state_dict().values())
    assert result.steps_taken == 2  # the epoch was run: no loss told of it


class Steep(nn.Module):
    """Finite gradients, whose squares overflow float32."""

    def __init__(self):
        super().__init__()
        self.W = nn.Parameter(torch.zeros(10, 64))

    def forward(self, x):
        z = x.flatten(1) @ self.W.T
        return z + (z - z.detach()) * 1e25


def test_an_infinite_gradient_norm_is_divergence_and_no_silent_stop(digits):
    result = train(Steep(), digits, learning_rate=1e-30, momentum=0.0, max_epochs=3, seed=0, clip_norm=1.0)
    assert result.status == "diverged"
    free = train(Steep(), digits, learning_rate=1e-30, momentum=0.0, max_epochs=3, seed=0)
    assert free.status == "reached"
    assert not same(free.start, free.end)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weight_decay": -0.1}, r"weight_decay.*-0\.1"),
        ({"weight_decay": math.inf}, "weight_decay.*inf"),
        ({"label_smoothing": 1.0}, r"label_smoothing.*1\.0"),
        ({"clip_norm": 0.0}, r"clip_norm.*0\.0"),
        ({"clip_norm": math.nan}, "clip_norm.*nan"),
        ({"schedule": "linear"}, "schedule.*'linear'"),
        ({"precision": "float16"}, "precision.*'float16'"),
        ({"precision": "tf32"}, "'tf32'.*'cpu'"),
        ({"device": "tpu"}, "device.*'tpu'"),
        ({"device": "meta"}, "device.*'meta'"),
        ({"progress": "dots"}, "progress.*'dots'"),
    ],
)
def test_bad_options_are_refused_before_any_step(digits, changed, message):
    model, arguments = call_of("momentum")
    with pytest.raises(ValueError, match=message):
        train(model, digits, **arguments | changed)
    assert same(dict(model.state_dict()), dict(call_of("momentum")[0].state_dict()))


def test_a_last_batch_of_one_is_refused_where_batch_norm_cannot_train_on_it(digits):
    for batch_size in (99, 33, 1):
        model, arguments = call_of("batch norm", batch_size=batch_size)
        with pytest.raises(ValueError, match=f"100 samples in batches of {batch_size} end in a batch of one"):
            train(model, digits, **arguments)
        assert same(dict(model.state_dict()), dict(call_of("batch norm")[0].state_dict()))
        train(call_of("momentum")[0], digits, **arguments)
    images = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(64, 10))  # 64 values a channel do
    assert train(images, digits, **arguments | {"batch_size": 99}).status == "reached"


def test_bf16_steps_are_rounded_and_all_else_is_float32(digits):
    model, arguments = call_of("momentum", max_epochs=1, learning_rate=0.01, batch_size=100, momentum=0.0)
    plain = train(model, digits, **arguments)
    rounded = train(call_of("momentum")[0], digits, **arguments, precision="bf16")
    for name, start in plain.start.items():
        exact, found = plain.end[name] - start, rounded.end[name] - start
        assert found.dtype == torch.float32
        # One step of plain SGD: the gradient, through four products of eight bits each.
        assert 0 < (found - exact).norm() < 4 * 2**-8 * exact.norm()
    with torch.no_grad():
        scores = Scores(rounded.model(digits.inputs), digits.labels)
    assert rounded.history.loss[-1] == scores.loss
    again = train(call_of("momentum")[0], digits, **arguments, precision="bf16")
    assert same(rounded.end, again.end)


def test_a_missing_cuda_device_is_named(digits):
    missing = f"cuda:{torch.cuda.device_count()}" if torch.cuda.is_available() else "cuda"
    with pytest.raises(ValueError, match=f"'{missing}' is not there"):
        checked_device(missing, network(), "float32")


@pytest.mark.parametrize(("precision", "flag"), [("float32", "ieee"), ("bf16", "ieee"), ("tf32", "tf32")])
def test_precision_of_cuda_products_is_set_and_comes_back(precision, flag):
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn)
    before = [backend.fp32_precision for backend in backends]
    inside = []

    def failing():
        with matmul_precision(precision, torch.device("cuda")):
            inside.extend(backend.fp32_precision for backend in backends)
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert inside == [flag] * 3
    assert [backend.fp32_precision for backend in backends] == before
    with matmul_precision("float32", torch.device("cpu")):
        assert [backend.fp32_precision for backend in backends] == before


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", ["momentum", "adam", "batch norm"])  # dropout is drawn otherwise there
def test_a_cuda_device_trains_alike_and_the_model_comes_back(digits, kind, tmp_path):
    model, arguments = call_of(kind)
    there = train(model, digits, **arguments, device="cuda", checkpoint=tmp_path / "state")
    here = train(call_of(kind)[0], digits, **arguments)
    for name, tensor in here.end.items():
        assert there.end[name].device == model.state_dict()[name].device == torch.device("cpu")
        torch.testing.assert_close(there.end[name], tensor, rtol=1e-3, atol=1e-4)


def test_progress_is_told_after_each_epoch_and_moves_nothing(digits):
    told = []

    def note(now):
        torch.rand(3)
        told.append(now)

    model, arguments = call_of("dropout")
    result = train(model, digits, **arguments, progress=note)
    assert same(result.end, train(call_of("dropout")[0], digits, **arguments).end)
    assert [now.epoch for now in told] == [1, 2, 3, 4, 5]
    assert [now.loss for now in told] == result.history.loss.values[1:].tolist()
    assert [now.error for now in told] == result.history.error.values[1:].tolist()
    assert [now.steps for now in told] == result.history.steps.values[1:].tolist()
    assert [now.status for now in told] == ["", "", "", "", "reached"]
    assert all(now.seconds_left > 0 for now in told[:-1])
    assert told[-1].seconds_left == 0
    assert {now.max_epochs for now in told} == {5}


def test_an_error_of_a_callback_leaves_modes_and_generators_as_they_were(digits):
    def stop(now):
        raise KeyboardInterrupt

    model, arguments = call_of("dropout")
    model.eval()
    before = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        train(model, digits, **arguments, progress=stop)
    assert not any(module.training for module in model.modules())
    assert torch.equal(torch.get_rng_state(), before)


def test_the_bar_is_drawn_on_a_terminal_only(digits, capsys, monkeypatch):
    model, arguments = call_of("momentum")
    train(model, digits, **arguments, progress="bar")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes any stream for a terminal
    train(call_of("momentum")[0], digits, **arguments, progress="bar")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "loss" in printed.err
    assert "error" in printed.err
    assert "5/5" in printed.err
