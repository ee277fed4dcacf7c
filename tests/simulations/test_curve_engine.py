"""The adaptive engine against the grid, on users' models and data, and what it refuses."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from simulations.adaptive_line import follow_batch
from simulations.batches import Batch
from simulations.chebyshev import chebyshev_nodes, differentiation_matrix, interpolation_matrix
from simulations.curve_sums import CurveSums
from simulations.curves import interpolation_curves
from simulations.datasets import load
from simulations.evaluation import Scores
from simulations.line import Line
from simulations.logit_paths import logit_path
from simulations.networks import fcn
from simulations.random_streams import torch_stream
from simulations.training import train


@pytest.fixture(scope="module")
def digits():
    return load("digits", limit=600)


@pytest.fixture(scope="module")
def trained(digits):
    network = fcn(6, 48, 64, 10, bias="all", init_scale=0.6, seed=3)
    return train(network, digits, learning_rate=0.05, target_loss=0.05, max_epochs=12, seed=3)


def copy_of(model):
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def moved(state, seed, scale=0.1):
    stream = torch_stream(seed, "moved")
    return {
        n: t + scale * torch.randn(t.shape, generator=stream) if t.is_floating_point() else t.clone()
        for n, t in state.items()
    }


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10)
        self.second.weight = self.first.weight
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        self.calls += 1
        return self.head(torch.relu(self.second(torch.tanh(self.first(x.flatten(1))))))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.block(x.flatten(1).view(-1, 8, 8)).flatten(1))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.second, self.head = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.Linear(256, 10)

    def forward(self, x):
        x = self.norm(self.first(x))
        return self.head((x + torch.relu(self.second(x))).flatten(1))


def line(make, seed=0):
    torch.manual_seed(seed)
    model = make()
    start = copy_of(model)
    end = moved(start, seed)
    if isinstance(model, Tied):
        end["second.weight"] = end["first.weight"]
    if isinstance(model, Residual):
        start["norm.running_var"], end["norm.running_var"] = torch.full((4,), 0.6), torch.full((4,), 1.4)
    return model, start, end


@pytest.mark.parametrize("make", [Tied, Attention, Residual])
def test_adaptive_agrees_with_the_grid_off_the_nodes(make, digits):
    model, start, end = line(make)
    policy = {"batch_norm": "interpolate"} if make is Residual else {}
    fast = interpolation_curves(model, start, end, digits, alphas=501, **policy)
    exact = interpolation_curves(model, start, end, digits, alphas=fast.alpha[3::25], method="grid", **policy)
    there = fast.sel(alpha=exact.alpha)
    assert fast.attrs["method"] == "adaptive"
    assert fast.attrs["forward_passes"] < 60
    assert np.abs(there.loss - exact.loss).max() <= 1e-3
    assert np.abs(there.error - exact.error).max() <= 5e-3
    assert np.abs(there.class_share - exact.class_share).max() <= 1e-2  # no tolerance is promised for shares
    np.testing.assert_allclose(there.loss_standard_error, exact.loss_standard_error, rtol=2e-2)
    assert there.class_error.weighted(exact.class_share.rename(predicted_class="label")).mean().notnull()


def test_both_ends_are_the_checkpoints_own_bits(trained, digits):
    curves = interpolation_curves(trained.model, trained.start, trained.end, digits)
    for alpha, state in ((0, trained.start), (-1, trained.end)):
        network = fcn(6, 48, 64, 10, bias="all", seed=0)
        network.load_state_dict(state)
        scores = Scores(network(digits.inputs).detach(), digits.labels)
        assert curves.loss[alpha] == scores.loss
        assert curves.error[alpha] == scores.error
        assert (curves.class_share[alpha] == scores.class_share).all()


def test_a_linear_model_is_exact_from_the_first_level(digits):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    start, end = moved(copy_of(model), 1), moved(copy_of(model), 2)
    fast = interpolation_curves(model, start, end, digits, alphas=301)
    exact = interpolation_curves(model, start, end, digits, alphas=301, method="grid")
    assert fast.attrs["nodes"] == 17
    # The logits are exact; what is left is the mean loss between 65 points and float32.
    assert np.abs(fast.loss - exact.loss).max() < 2e-6
    assert np.abs(fast.error - exact.error).max() <= 1.5 / len(digits)  # one sample


def test_ten_thousand_alphas_cost_no_more_passes(trained, digits):
    few, many = (
        interpolation_curves(trained.model, trained.start, trained.end, digits, alphas=n)
        for n in (501, 10_000)
    )
    assert few.attrs["forward_passes"] == many.attrs["forward_passes"] < 40
    assert few.attrs["nodes"] == many.attrs["nodes"]
    assert np.abs(many.loss.sel(alpha=few.alpha, method="nearest").values - few.loss.values).max() < 1e-3


class Counted(nn.Module):
    """A model in float64, so that no threshold is met or missed by rounding, that counts its samples."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.seen = inner.double(), 0

    def forward(self, x):
        self.seen += len(x)
        return self.inner(x)


@pytest.mark.parametrize(
    ("make", "spent"),
    [
        # 9 nodes for all 600, 8 for 75 pilots, and the rest where a class changes near a node.
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), 6328),
        (lambda: fcn(4, 24, 64, 10, bias="all", seed=5), 19012),
        (Residual, 9832),
    ],
    ids=["linear", "fcn", "residual"],
)
def test_passes_spent_are_those_the_model_saw_and_no_more(make, spent, digits):
    torch.manual_seed(0)
    model = Counted(make())
    start, end = moved(copy_of(model), 1), moved(copy_of(model), 2)
    data = digits.inputs.double(), digits.labels
    curves = interpolation_curves(model, start, end, data, alphas=501, batch_norm="keep")
    assert model.seen == round(curves.attrs["forward_passes"] * len(digits)) == spent


def test_exit_alphas_agree_with_bisection(trained, digits):
    fast = interpolation_curves(
        trained.model, trained.start, trained.end, digits, alphas=501, exits=True, error_tolerance=4e-3
    )
    held = int(trained.end["11.bias"].argmax())
    fine = np.linspace(0, 1, 401)
    logits = np.stack([logit_of(trained, digits, alpha).numpy() for alpha in fine])
    predicted, labels = logits.argmax(axis=2), digits.labels.numpy()
    exits = np.full(len(labels), np.nan)
    for i, path in enumerate(predicted.T):
        leaves = np.flatnonzero((path[:-1] == held) & (path[1:] != held))
        exits[i] = fine[leaves[0] + 1] if len(leaves) else np.inf if (path == held).any() else np.nan
    first = np.where((predicted == labels).any(axis=0), fine[(predicted == labels).argmax(axis=0)], np.inf)
    for mine, reference in ((fast.bias_exit.values, exits), (fast.correct_from.values, first)):
        both = np.isfinite(mine) & np.isfinite(reference)
        close = (mine == reference) | (np.isnan(mine) & np.isnan(reference))
        close[both] = np.abs(mine[both] - reference[both]) <= 0.01
        # Few samples graze a boundary, where a tiny change of the logits moves the exit far.
        assert close.mean() > 0.95
        assert np.median(np.abs(mine[both] - reference[both])) < 0.003


def logit_of(trained, digits, alpha):
    network = fcn(6, 48, 64, 10, bias="all", seed=0)
    network.load_state_dict({n: t + alpha * (trained.end[n] - t) for n, t in trained.start.items()})
    with torch.no_grad():
        return network(digits.inputs)


@pytest.mark.parametrize("method", ["adaptive", "grid"])
def test_every_samples_curve_is_its_own(trained, digits, method):
    run = trained.model, trained.start, trained.end
    data = [(digits.inputs[i : i + 100], digits.labels[i : i + 100]) for i in range(0, 600, 100)]
    curves = interpolation_curves(*run, data, alphas=41, method=method, samples=True, error_tolerance=0.02)
    exact = np.stack([logit_of(trained, digits, float(a)).numpy() for a in curves.alpha])
    labels = digits.labels.numpy()
    own = exact[:, np.arange(600), labels]
    loss = np.log(np.exp(exact - own[:, :, None]).sum(axis=2))
    assert curves.sample_loss.dims == curves.sample_correct.dims == ("alpha", "sample")
    np.testing.assert_allclose(curves.sample_loss.mean("sample"), curves.loss, rtol=1e-5)
    np.testing.assert_allclose(1 - curves.sample_correct.mean("sample"), curves.error, atol=1e-12)
    # A sample's own curve has no tolerance but its neighbours' 600 in the mean: most are far below.
    off = np.abs(curves.sample_loss - loss)
    assert float(np.quantile(off, 0.9)) < (1e-5 if method == "grid" else 1e-2)
    exact[:, np.arange(600), labels] = -np.inf
    agree = (curves.sample_correct == (own > exact.max(axis=2))).mean()
    assert agree == 1 if method == "grid" else agree > 0.99


def test_samples_keep_their_order_when_steps_mix_settled_and_unsettled(monkeypatch):
    monkeypatch.setattr("simulations.curve_engine.BATCH", 50)
    inputs = torch.randn(200, 3, generator=torch_stream(0, "order"))
    labels = torch.arange(200) % 3
    model = nn.Linear(3, 3)
    start, end = moved(copy_of(model), 1, 2.0), moved(copy_of(model), 2, 2.0)
    data = [(inputs[i : i + 50], labels[i : i + 50]) for i in range(0, 200, 50)]
    options = {"alphas": 41, "exits": True, "samples": True}
    exact = interpolation_curves(model, start, end, data, method="grid", **options)

    def follow(labels, **arguments):
        steps = follow_batch(labels, **arguments)
        requests = next(steps)
        while True:
            try:
                requests = steps.send((yield requests))
            except StopIteration as stop:
                line = stop.value
                break
        follow.calls += 1
        line.settled = follow.calls != 2  # the second batch goes to the grid, after the others
        return line

    follow.calls = 0
    monkeypatch.setattr("simulations.curve_engine.follow_batch", follow)
    with pytest.warns(UserWarning, match="50 of 200 samples"):
        mixed = interpolation_curves(model, start, end, data, error_tolerance=0.05, **options)
    np.testing.assert_allclose(mixed.sample_loss, exact.sample_loss, atol=1e-3)
    assert (mixed.sample_correct == exact.sample_correct).mean() > 0.99
    both = np.isfinite(mixed.correct_from) & np.isfinite(exact.correct_from)
    assert np.abs(mixed.correct_from - exact.correct_from)[both].max() <= 1 / 40
    assert mixed.loss[0] == exact.loss[0]
    assert mixed.loss[-1] == exact.loss[-1]


def test_few_alphas_are_evaluated_as_they_are_and_outside_only_on_request(trained, digits):
    run = trained.model, trained.start, trained.end, digits
    assert interpolation_curves(*run, alphas=5).attrs["method"] == "grid"
    with pytest.raises(ValueError, match=r"extrapolate=True.*alphas\[0\] = -0\.5"):
        interpolation_curves(*run, alphas=[-0.5, 1.0])
    alphas = np.concatenate([[-0.5], np.linspace(0, 1, 101), [1.5]])
    wide = interpolation_curves(*run, alphas=alphas, extrapolate=True)
    assert wide.loss[-1] == interpolation_curves(*run, alphas=[1.5], extrapolate=True).loss[0]
    assert wide.error[0] == interpolation_curves(*run, alphas=[-0.5, 0.5], extrapolate=True).error[0]


def test_where_interpolation_does_not_pay_the_grid_is_evaluated_with_a_warning(trained, digits):
    run = trained.model, trained.start, trained.end, digits
    with pytest.warns(UserWarning, match="600 of 600 samples did not reach"):
        curves = interpolation_curves(*run, alphas=21, loss_tolerance=1e-12)
    exact = interpolation_curves(*run, alphas=21, method="grid")
    assert (curves.loss == exact.loss).all()
    assert curves.attrs["estimated_loss_error"] == 0


# -- batch norm


def normalised():
    model = nn.Sequential(nn.Linear(1, 2, bias=False), nn.BatchNorm1d(2, eps=1e-9, affine=False))
    start = {"0.weight": torch.tensor([[1.0], [2.0]]), "1.running_mean": torch.tensor([0.0, 0.0])}
    start |= {"1.running_var": torch.tensor([1.0, 1.0]), "1.num_batches_tracked": torch.tensor(1)}
    end = start | {"0.weight": torch.tensor([[3.0], [1.0]]), "1.running_mean": torch.tensor([2.0, 1.0])}
    end |= {"1.running_var": torch.tensor([4.0, 9.0])}
    return model, start, end


@pytest.mark.parametrize(
    ("policy", "means", "variances"),
    [
        ("keep", [2.0, 1.0], [4.0, 9.0]),
        ("interpolate", [1.0, 0.5], [2.5, 5.0]),
        # weights (2, 1.5) at 1/2 on x = 1, 2, 3, 6: mean 3, unbiased variance (4 + 1 + 0 + 9) / 3
        ("recalibrate", [6.0, 4.5], [4 * 14 / 3, 2.25 * 14 / 3]),
    ],
)
def test_batch_norm_policies_by_hand(policy, means, variances):
    model, start, end = normalised()
    x, labels = torch.tensor([[1.0], [2.0], [3.0], [6.0]]), torch.tensor([0, 1, 0, 1])
    # Two batches: the cumulative statistics are those of all four samples, not a mean of batches'.
    data = DataLoader(TensorDataset(x, labels), batch_size=2)
    curves = interpolation_curves(model, start, end, data, alphas=[0.5], batch_norm=policy)
    z = (x * torch.tensor([2.0, 1.5]) - torch.tensor(means)) / torch.tensor(variances).sqrt()
    assert curves.loss.item() == pytest.approx(nn.functional.cross_entropy(z, labels).item(), rel=1e-6)
    assert curves.attrs["batch_norm"] == policy
    assert curves.attrs["calibration_passes"] == (policy == "recalibrate")


@pytest.mark.parametrize("policy", [None, "refuse", "average"])
def test_batch_norm_without_a_policy_names_the_four(policy):
    model, start, end = normalised()
    data = torch.ones(4, 1), torch.tensor([0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"keep.*interpolate.*recalibrate.*refuse"):
        interpolation_curves(model, start, end, data, batch_norm=policy)


def test_batch_statistics_evaluate_whole_batches(digits):
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 16),
        nn.BatchNorm1d(16, track_running_stats=False),
        nn.Tanh(),
        nn.Linear(16, 10),
    )
    start, end = moved(copy_of(model), 0), moved(copy_of(model), 1)
    fast = interpolation_curves(model, start, end, digits, alphas=201)
    exact = interpolation_curves(model, start, end, digits, alphas=201, method="grid")
    assert fast.attrs["forward_passes"] == fast.attrs["nodes"]  # every node for every sample
    assert np.abs(fast.loss - exact.loss).max() <= 1e-3


# -- data


def test_a_loader_of_small_batches_a_dataset_and_tensors_agree(trained, digits):
    run = trained.model, trained.start, trained.end
    dataset = TensorDataset(digits.inputs, digits.labels)
    loader = DataLoader(dataset, batch_size=50)
    whole = interpolation_curves(*run, digits)
    for data in (loader, dataset, (digits.inputs, digits.labels), list(loader)):
        found = interpolation_curves(*run, data)
        assert np.abs(found.loss - whole.loss).max() < 1e-4
        assert np.abs(found.error - whole.error).max() <= 2 / len(digits)


def test_dict_batches_hooks_and_splits(trained, digits):
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = fcn(6, 48, 64, 10, bias="all", seed=0)

        def forward(self, pixels):
            return SimpleNamespace(logits=self.net(pixels))

    states = [{f"net.{n}": t for n, t in s.items()} for s in (trained.start, trained.end)]
    batches = [{"pixels": digits.inputs, "labels": digits.labels}]
    plain = interpolation_curves(trained.model, trained.start, trained.end, digits)
    np.testing.assert_array_equal(interpolation_curves(Wrapped(), *states, batches).loss, plain.loss)

    def hook(item):
        return Batch((), {"pixels": item["x"]}, item["y"])

    odd = {"x": digits.inputs, "y": digits.labels}
    np.testing.assert_array_equal(
        interpolation_curves(Wrapped(), *states, [odd], batch_hook=hook).loss, plain.loss
    )
    with pytest.raises(ValueError, match=r"keys \['x', 'y'\] has no tensor"):
        interpolation_curves(Wrapped(), *states, [odd])
    both = interpolation_curves(
        trained.model, trained.start, trained.end, {"train": digits, "test": digits}, alphas=5
    )
    assert list(both.split.values) == ["train", "test"]
    assert (both.loss[0] == both.loss[1]).all()


@pytest.mark.parametrize(
    "options",
    [{"method": "grid", "alphas": 7}, {"alphas": 201, "error_tolerance": 0.03}],
    ids=["grid", "adaptive"],
)
def test_several_splits_are_one_sweep_of_the_weights(trained, digits, options):
    run = trained.model, trained.start, trained.end
    splits = {"train": (digits.inputs[:400], digits.labels[:400])}
    splits["test"] = digits.inputs[400:], digits.labels[400:]
    seen = []

    def linear(name, alpha):
        if name == "1.weight":  # asked once whenever the weights are moved
            seen.append(alpha)
        return alpha

    both = interpolation_curves(*run, splits, path=linear, **options)
    moves, seen[:] = list(seen), []
    for name, data in splits.items():
        alone = interpolation_curves(*run, data, path=linear, **options)
        for quantity in ("loss", "error", "class_share", "class_error"):
            np.testing.assert_array_equal(both[quantity].sel(split=name), alone[quantity])
        assert both.forward_passes.sel(split=name) == alone.attrs["forward_passes"]
    # Alone, both splits need the first levels' 9 + 8 alphas, and all of a grid.
    assert len(seen) - len(moves) >= min(17, options["alphas"])
    if "method" in options:
        assert moves == list(np.linspace(0, 1, 7))


def test_splits_are_named(trained, digits):
    run = trained.model, trained.start, trained.end
    for splits in ({"": digits}, {1: digits, "1": digits}):
        with pytest.raises(ValueError, match="splits must have different names"):
            interpolation_curves(*run, splits)
    with pytest.raises(ValueError, match="no splits"):
        interpolation_curves(*run, {})
    with pytest.raises(ValueError, match=r"one data set, got the splits \['train'\]"):
        logit_path(*run, {"train": digits})


def test_a_loss_with_a_sharp_bend_is_taken_at_more_points(digits, monkeypatch):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    start, end = moved(copy_of(model), 1, 6.0), moved(copy_of(model), 2, 6.0)
    one = (
        digits.inputs[:20].repeat(30, 1, 1, 1),
        digits.labels[:20].repeat(30),
    )  # bends that do not average out
    lines = []
    monkeypatch.setattr(
        CurveSums,
        "add_line",
        lambda self, line, *rest, own=CurveSums.add_line: lines.append(line) or own(self, line, *rest),
    )
    fast = interpolation_curves(model, start, end, one, alphas=201, loss_tolerance=0.05, error_tolerance=0.1)
    exact = interpolation_curves(model, start, end, one, alphas=201, method="grid")
    assert [len(line.loss_grid) for line in lines] == [65]
    assert np.abs(fast.loss - exact.loss).max() <= 0.05


def test_of_several_splits_the_first_calibrates_batch_norm():
    model, start, end = normalised()
    train = torch.tensor([[1.0], [2.0], [3.0], [6.0]]), torch.tensor([0, 1, 0, 1])
    test = torch.tensor([[4.0], [9.0]]), torch.tensor([1, 0])
    options = {"alphas": [0.5], "batch_norm": "recalibrate"}
    both = interpolation_curves(model, start, end, {"train": train, "test": test}, **options)
    stated = interpolation_curves(model, start, end, test, calibration=train, **options)
    assert both.loss.sel(split="test").item() == stated.loss.item()
    assert both.attrs["calibration_passes"] == 1


def test_a_tolerance_below_one_sample_is_one_sample(digits):
    run = *line(Attention), digits
    curves = interpolation_curves(*run, alphas=501, error_tolerance=1e-9)
    assert curves.attrs["method"] == "adaptive"
    assert curves.attrs["samples_on_grid"] == 0
    assert round(curves.attrs["estimated_error_error"] * len(digits)) == 1
    exact = interpolation_curves(*run, alphas=curves.alpha[3::25], method="grid")
    assert np.abs(curves.error.sel(alpha=exact.alpha) - exact.error).max() <= 1.5 / len(digits)


def test_a_second_pass_that_differs_is_refused(digits):
    model, start, end = normalised()
    x = torch.arange(40.0)[:, None]
    loader = DataLoader(TensorDataset(x, torch.arange(40) % 2), batch_size=4, shuffle=True)
    with pytest.raises(ValueError, match="turn shuffling"):
        interpolation_curves(model, start, end, loader, alphas=5, batch_norm="recalibrate")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "no sample"),
        ((torch.ones(3, 64), torch.tensor([0, 1])), "3 and 2"),
        ((torch.ones(2, 64), torch.tensor([0, 10])), "label 10 has no logit"),
        ((torch.ones(2, 64), torch.tensor([0, -1])), "one is -1"),
        ((torch.ones(2, 64), torch.tensor([0.0, 1.0])), "labels must be integers"),
        ([torch.ones(2, 64)], "batch of type Tensor is not known"),
        (iter([]), "can be read once"),
        ("digits", "data of type str"),
    ],
)
def test_data_that_cannot_be_read_is_refused(trained, data, message):
    with pytest.raises(ValueError, match=message):
        interpolation_curves(trained.model, trained.start, trained.end, data)


# -- checkpoints, arguments, cache


def test_checkpoints_come_as_modules_and_safetensors_and_bad_files_are_refused(trained, digits, tmp_path):
    wanted = interpolation_curves(trained.model, trained.start, trained.end, digits, alphas=3)
    start = fcn(6, 48, 64, 10, bias="all", init_scale=0.6, seed=3)
    save_file(trained.end, tmp_path / "end.safetensors")
    found = interpolation_curves(trained.model, start, tmp_path / "end.safetensors", digits, alphas=3)
    assert found.identical(wanted)
    whole = (tmp_path / "end.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "header.safetensors").write_bytes(b"\xff" * 8 + whole[8:])  # a header of 2^64 bytes
    torch.save(trained.end, tmp_path / "end.pt")
    for name, message in (("cut", "damaged"), ("header", "damaged")):
        with pytest.raises(ValueError, match=message):
            interpolation_curves(trained.model, start, tmp_path / f"{name}.safetensors", digits)
    with pytest.raises(ValueError, match="pickles, which can run code"):
        interpolation_curves(trained.model, start, tmp_path / "end.pt", digits)
    with pytest.raises(FileNotFoundError, match="end: there is no file"):
        interpolation_curves(trained.model, start, tmp_path / "none.safetensors", digits)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "spline"}, "adaptive, grid, got 'spline'"),
        ({"loss_tolerance": 0.0}, "loss_tolerance must be a finite number > 0, got 0.0"),
        ({"error_tolerance": float("nan")}, "error_tolerance .* got nan"),
        ({"precision": "fp8"}, "native, tf32, bf16, got 'fp8'"),
        ({"alphas_at_once": 0}, "alphas_at_once .* got 0"),
        ({"path": "spiral"}, "unknown path 'spiral'"),
    ],
)
def test_bad_arguments_are_shown(trained, digits, arguments, message):
    with pytest.raises(ValueError, match=message):
        interpolation_curves(trained.model, trained.start, trained.end, digits, **arguments)


def test_equal_ends_tied_weights_that_differ_and_overflow_are_refused(trained, digits):
    with pytest.raises(ValueError, match="no line between"):
        interpolation_curves(trained.model, trained.end, trained.end, digits)
    model, start, end = line(Tied)
    with pytest.raises(ValueError, match=r"second.weight.*first.weight.*differ"):
        interpolation_curves(model, start, end | {"second.weight": end["second.weight"] + 1}, digits)
    huge = {name: tensor * 1e20 for name, tensor in trained.end.items()}
    with pytest.raises(ValueError, match="not finite at alpha = "):
        interpolation_curves(trained.model, trained.start, huge, digits)


def test_the_cache_is_keyed_by_content(trained, digits, tmp_path, monkeypatch):
    run = trained.model, trained.start, trained.end
    first = interpolation_curves(*run, digits, alphas=101, error_tolerance=0.05, cache=tmp_path)
    monkeypatch.setattr("simulations.curve_engine.follow_batch", None)  # a call would now fail
    again = interpolation_curves(*run, digits, alphas=101, error_tolerance=0.05, cache=tmp_path)
    assert again.equals(first)
    assert again.attrs.keys() == first.attrs.keys()
    other = trained.end | {"11.bias": trained.end["11.bias"] + 1e-3}
    for changed in ((run[0], run[1], other, digits), (*run, load("digits", limit=500))):
        with pytest.raises(TypeError, match="not callable"):
            interpolation_curves(*changed, alphas=101, error_tolerance=0.05, cache=tmp_path)
    with pytest.raises(ValueError, match="callable cannot be told"):
        interpolation_curves(*run, digits, path=lambda _, alpha: alpha, cache=tmp_path)


# -- what it leaves behind

LAYERS = st.sampled_from(["linear", "tanh", "relu", "dropout", "norm", "batch", "frozen", "nested"])


def build(kinds):
    makers = {
        "linear": lambda: nn.Linear(8, 8),
        "tanh": nn.Tanh,
        "relu": nn.ReLU,
        "dropout": nn.Dropout,
        "norm": lambda: nn.LayerNorm(8),
        "batch": lambda: nn.BatchNorm1d(8),
        "frozen": lambda: nn.Linear(8, 8, bias=False).requires_grad_(False),
        "nested": lambda: nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Dropout(0.2)),
    }
    layers = [makers[kind]() for kind in kinds]
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), *layers, nn.Linear(8, 10))


@settings(max_examples=25)  # each builds a network and walks a line
@given(
    kinds=st.lists(LAYERS, max_size=6),
    training=st.booleans(),
    policy=st.sampled_from(["keep", "interpolate", "recalibrate"]),
    together=st.sampled_from([1, 3]),
)
def test_nothing_of_the_model_changes(kinds, training, policy, together, digits):
    torch.manual_seed(0)
    model = build(kinds)
    model.train(training)
    if len(model) > 3:
        model[2].train(not training)
    end = moved(copy_of(model), 0, 0.05)
    end = {n: t.abs() + 0.5 if n.endswith("running_var") else t for n, t in end.items()}
    before, modes = copy_of(model), [m.training for m in model.modules()]
    grads, random = [p.requires_grad for p in model.parameters()], torch.get_rng_state()
    momenta = [getattr(m, "momentum", None) for m in model.modules()]
    start = copy_of(model)
    data = digits.inputs[:40], digits.labels[:40]
    interpolation_curves(model, start, end, data, alphas=4, batch_norm=policy, alphas_at_once=together)
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    assert all(torch.equal(start[n], before[n]) for n in before)
    assert [m.training for m in model.modules()] == modes
    assert [getattr(m, "momentum", None) for m in model.modules()] == momenta
    assert [p.requires_grad for p in model.parameters()] == grads
    assert torch.equal(torch.get_rng_state(), random)
    assert all(p.grad is None and not p.is_inference() for p in model.parameters())
    assert not any(m._forward_pre_hooks for m in model.modules())


MEMORY = """
import resource, torch
from torch import nn
from simulations.curves import interpolation_curves
torch.set_num_threads(1)
hidden = [nn.Linear(2048, 2048) for _ in range(4)]
model = nn.Sequential(*hidden, nn.ReLU(), nn.Linear(2048, 10))
start = {n: t.clone() for n, t in model.state_dict().items()}
end = {n: t + 0.01 for n, t in start.items()}
data = torch.ones(4, 2048), torch.tensor([0, 1, 2, 3])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
interpolation_curves(model, start, end, data, alphas=3)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
def test_memory_beyond_model_and_checkpoints_is_one_copy_of_the_parameters():
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    parameters = (4 * 2048 * 2049 + 2048 * 10) * 4 / 2**20  # 64 MiB
    # Beside the copy: libraries loaded at the first call, the bool mask of the largest tensor's check (4
    # MiB).
    assert float(done.stdout) < parameters + 32


# -- faster devices' options, as far as a CPU shows them


def test_alphas_together_channels_last_and_bf16(digits, monkeypatch):
    model, start, end = line(Residual)
    options = {"batch_norm": "interpolate", "alphas": 41}
    plain = interpolation_curves(model, start, end, digits, **options)
    vectorised, own = [], Line.logits_together
    monkeypatch.setattr(
        Line, "logits_together", lambda self, some, batch: vectorised.append(some) or own(self, some, batch)
    )
    together = interpolation_curves(model, start, end, digits, alphas_at_once=4, **options)
    assert [len(some) for some in vectorised] == [4, 3]  # the first level's 9 alphas less the two ends
    np.testing.assert_allclose(together.loss, plain.loss, atol=1e-4)
    assert together.loss[0] == plain.loss[0]
    ordered = interpolation_curves(model, start, end, digits, channels_last=True, **options)
    np.testing.assert_allclose(ordered.loss, plain.loss, atol=1e-4)
    coarse = interpolation_curves(model, start, end, digits, precision="bf16", method="grid", **options)
    assert 1e-4 < coarse.attrs["precision_error"] < 0.5
    # The mean loss moves by less than the worst logit does, twice (the label's and the others').
    assert np.abs(coarse.loss - plain.loss).max() < 2 * coarse.attrs["precision_error"] + 1e-3
    tf32 = interpolation_curves(model, start, end, digits, precision="tf32", **options)
    assert tf32.attrs["precision_error"] == 0  # of CUDA alone


# -- Chebyshev points and logit paths


@given(level=st.integers(1, 7), x=st.floats(0, 1))
def test_nested_points_carry_polynomials_exactly(level, x):
    m = 2**level + 1
    nodes = chebyshev_nodes(m)
    assert nodes[0] == 0
    assert nodes[-1] == 1
    assert np.array_equal(nodes[::2], chebyshev_nodes((m + 1) // 2)) or m == 3
    degree = min(m - 1, 12)
    value = interpolation_matrix(nodes, [x])[0] @ nodes**degree
    assert value == pytest.approx(x**degree, abs=1e-13)
    slope = differentiation_matrix(nodes) @ nodes**degree
    np.testing.assert_allclose(slope, degree * nodes ** (degree - 1), atol=1e-11 * m**2)


def test_logit_paths_hold_the_networks_own_logits(trained, digits):
    path = logit_path(trained.model, trained.start, trained.end, digits, nodes=9)
    assert path.logits.dims == ("node", "sample", "output")
    for i, alpha in enumerate(path.alpha.values):
        np.testing.assert_allclose(path.logits[i], logit_of(trained, digits, float(alpha)), atol=1e-4)
    with pytest.raises(ValueError, match=r"2\^p \+ 1, .* got 10"):
        logit_path(trained.model, trained.start, trained.end, digits, nodes=10)
