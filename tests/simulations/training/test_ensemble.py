"""An ensemble in one program, against its members trained one by one."""

import math

import pytest
import torch
from scipy.stats import ks_2samp
from torch import nn

from simulations.datasets.image_dataset import load
from simulations.training.ensemble import train_many
from simulations.training.single import train
from tests.simulations.training.helpers.trainings import KINDS, call_of, network, same

# No dropout. And no Adam under batch norm: the gradient of a bias or a constant pixel's weight before it is
# zero but for rounding, and Adam steps by the sign of that.
ENSEMBLES = {
    "momentum": ("momentum", {}),
    "adam": ("adam", {}),
    "batch norm": ("batch norm", {}),
    "options": ("momentum", KINDS["all at once"][1]),
    "normed options": ("batch norm", {"clip_norm": 0.5, "weight_decay": 0.1, "schedule": "step"}),
}


@pytest.fixture(scope="module")
def digits():
    return load("digits", limit=100)


def members(kind, seeds):
    """Models of different starts, and the arguments they share."""
    models = []
    for seed in seeds:
        model, arguments = call_of(kind)
        model[1].load_state_dict(network(seed)[1].state_dict())
        models.append(model)
    del arguments["seed"]
    return models, arguments


def furthest(first, second):
    return max(float((first[name].double() - second[name].double()).abs().max()) for name in first)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize(("batch_size", "steps"), [(100, 1), (10, 10)])
@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_it_is_one_by_one_up_to_rounding(digits, ensemble, batch_size, steps, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    kind, options = ENSEMBLES[ensemble]
    seeds = (3, 1, 4)
    models, arguments = members(kind, seeds)
    arguments |= options | {"batch_size": batch_size, "max_epochs": 1}
    together = train_many(models, digits, seeds=seeds, device=device, **arguments)
    alone = [
        train(model, digits, seed=seed, **arguments)
        for model, seed in zip(members(kind, seeds)[0], seeds, strict=True)
    ]
    for one, other in zip(together, alone, strict=True):
        assert one.steps_taken == other.steps_taken == steps
        assert same(one.start, other.start)
        assert furthest(one.end, other.end) <= 1e-5
        assert same(one.end, dict(one.model.state_dict()))
        assert one.history.attrs == other.history.attrs | {"device": device}
        assert float(abs(one.history.loss - other.history.loss).max()) <= 1e-4
        assert furthest(one.start, one.end) > 1e-3
    assert furthest(together[0].end, together[1].end) > 1e-2


@pytest.mark.parametrize("kind", ["momentum", "adam", "batch norm"])
def test_members_leave_at_the_target_and_change_no_more(digits, kind):
    seeds = range(6)
    models, arguments = members(kind, seeds)
    arguments |= {"target_loss": 0.5, "max_epochs": 20}
    with torch.no_grad():
        models[2][1].weight.zero_()  # one that cannot learn: it must not hold the others up, nor they it
        models[2][-1].weight.zero_()
    told, states = [], []

    def note(now):
        told.append(now)
        states.append([{name: t.clone() for name, t in model.state_dict().items()} for model in models])

    results = train_many(models, digits, seeds=seeds, progress=note, **arguments)
    alone, _ = members(kind, seeds)
    with torch.no_grad():
        alone[2][1].weight.zero_()
        alone[2][-1].weight.zero_()
    ended = []
    for place, result in enumerate(results):
        other = train(alone[place], digits, seed=place, **arguments)
        assert result.status == other.status == ("stagnated" if place == 2 else "reached")
        assert result.steps_taken == other.steps_taken == result.history.steps[-1]
        assert len(result.history.epoch) == len(other.history.epoch)
        assert furthest(result.end, other.end) <= 1e-3  # some forty steps later
        ended.append(int(result.history.epoch[-1]))
        for epoch, state in enumerate(states, start=1):
            assert same(state[place], result.end if epoch >= ended[-1] else result.start)
    assert len(set(ended)) > 2  # they left at different times
    assert [now.epoch for now in told] == list(range(1, max(ended) + 1))
    assert [now.status for now in told] == [""] * (max(ended) - 1) + ["ended"]
    last = [float(result.history.loss[-1]) for result in results]
    assert told[-1].loss == pytest.approx(sum(last) / 6, rel=1e-12)


def test_a_member_that_diverges_takes_no_other_with_it(digits):
    models, arguments = members("momentum", range(3))
    with torch.no_grad():
        models[1][1].weight.mul_(1e25)
    arguments |= {"learning_rate": 0.1, "max_epochs": 4}
    results = train_many(models, digits, seeds=range(3), **arguments)
    assert [result.status for result in results] == ["reached", "diverged", "reached"]
    assert all(bool(torch.isfinite(tensor).all()) for result in results for tensor in result.end.values())
    assert len(results[1].history.epoch) < 5
    pair, _ = members("momentum", (0, 2))
    without = train_many(pair, digits, seeds=(0, 2), **arguments)
    for result, other in zip((results[0], results[2]), without, strict=True):
        assert furthest(result.end, other.end) <= 1e-4


def test_a_member_at_the_target_takes_no_step(digits):
    models, arguments = members("momentum", range(3))
    trained = train(models[1], digits, seed=1, **arguments | {"max_epochs": 30})
    target = float(trained.history.loss[-1])
    results = train_many(models, digits, seeds=range(3), **arguments | {"target_loss": target})
    assert results[1].steps_taken == 0
    assert results[1].status == "reached"
    assert same(results[1].end, trained.end)
    assert results[0].steps_taken > 0
    everyone = train_many(models, digits, seeds=range(3), **arguments | {"target_loss": 100.0})
    assert [result.steps_taken for result in everyone] == [0, 0, 0]


def test_final_losses_have_the_distribution_of_one_by_one(digits):
    """Kolmogorov-Smirnov on 40 seeds each, other seeds on either side; false alarm 1 in 1000."""

    def losses(results):
        return [float(result.history.loss[-1]) for result in results]

    alone, arguments = members("momentum", range(40))
    singles = [train(model, digits, seed=seed, **arguments) for seed, model in enumerate(alone)]
    together, _ = members("momentum", range(40, 80))
    many = train_many(together, digits, seeds=range(40, 80), **arguments)
    assert ks_2samp(losses(singles), losses(many)).pvalue > 1e-3
    # It would tell: half the rate is seen by the same numbers.
    slower, _ = members("momentum", range(40, 80))
    slow = train_many(slower, digits, seeds=range(40, 80), **arguments | {"learning_rate": 0.025})
    assert ks_2samp(losses(singles), losses(slow)).pvalue < 1e-3


@pytest.mark.parametrize("training", [True, False])
def test_modes_gradients_generators_and_frozen_parameters_stay(digits, training):
    models, arguments = members("batch norm", range(2))
    for model in models:
        model.train(training)
        model[1].weight.requires_grad_(False)
    before = torch.get_rng_state()
    results = train_many(models, digits, seeds=(0, 1), **arguments)
    assert torch.equal(torch.get_rng_state(), before)
    for result in results:
        assert all(module.training == training for module in result.model.modules())
        assert all(parameter.grad is None for parameter in result.model.parameters())
        assert torch.equal(result.start["1.weight"], result.end["1.weight"])
        assert not torch.equal(result.start["1.bias"], result.end["1.bias"])
    tensors = [
        tensor
        for result in results
        for state in (result.start, result.end, result.model.state_dict())
        for tensor in state.values()
    ]
    assert len({tensor.data_ptr() for tensor in tensors}) == len(tensors)


def test_bf16_members_agree_with_one_by_one(digits):
    models, arguments = members("momentum", range(2))
    arguments |= {"precision": "bf16", "max_epochs": 1, "batch_size": 100}
    results = train_many(models, digits, seeds=range(2), **arguments)
    exact = train_many(
        members("momentum", range(2))[0], digits, seeds=range(2), **arguments | {"precision": "float32"}
    )
    for seed, (model, result) in enumerate(zip(members("momentum", range(2))[0], results, strict=True)):
        alone = train(model, digits, seed=seed, **arguments)
        moved = furthest(alone.start, alone.end)
        assert furthest(result.end, alone.end) <= 4 * 2**-8 * moved  # four products of eight bits each
        assert furthest(result.end, exact[seed].end) > 0


def broken(kind="momentum", change=None):
    models, _ = members(kind, range(3))
    if change:
        change(models)
    return models


def set_nan(models):
    with torch.no_grad():
        models[1][1].weight[0, 0] = math.nan


@pytest.mark.parametrize(
    ("models", "changed", "message"),
    [
        (list, {"seeds": []}, "0 models, 0 seeds"),
        (lambda: broken(), {"seeds": (0, 1)}, "3 models, 2 seeds"),
        (lambda: broken(), {"seeds": (0, 1, -1)}, "-1"),
        (lambda: [broken()[0]] * 3, {}, "same model is given twice"),
        (lambda: broken("dropout"), {}, r"3 drops a share 0\.5"),
        (lambda: [*broken()[:2], network(width=8)], {}, r"models\[2\] differs"),
        (lambda: broken(change=lambda models: models[1].eval()), {}, r"models\[1\] differs"),
        (lambda: broken(change=lambda models: models[2].requires_grad_(False)), {}, r"models\[2\] differs"),
        (lambda: broken(change=set_nan), {}, r"models\[1\] is not finite"),
        (lambda: [network(seed).requires_grad_(False) for seed in range(3)], {}, "no trainable"),
        (lambda: [network(seed, n_classes=3) for seed in range(3)], {}, r"logits \(100, 10\)"),
        (lambda: broken("batch norm"), {"batch_size": 33}, "end in a batch of one"),
        (lambda: broken(), {"learning_rate": -1.0}, r"learning_rate.*-1\.0"),
        (lambda: broken(), {"precision": "tf32"}, "tf32"),
    ],
)  # fmt: skip
def test_bad_ensembles_are_refused_before_any_step(digits, models, changed, message):
    ensemble = models()
    before = [{name: t.clone() for name, t in model.state_dict().items()} for model in ensemble]
    arguments = {"seeds": (0, 1, 2), "learning_rate": 0.05, "max_epochs": 2, "batch_size": 32} | changed
    with pytest.raises(ValueError, match=message):
        train_many(ensemble, digits, **arguments)
    for model, state in zip(ensemble, before, strict=True):
        for name, tensor in model.state_dict().items():
            assert torch.equal(tensor.nan_to_num(), state[name].nan_to_num())


def test_attention_is_stacked_too(digits):
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
            self.head = nn.Linear(8, 10)

        def forward(self, x):
            return self.head(self.block(x.view(-1, 8, 8)).mean(dim=1))

    def pair():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return [Attention(), Attention()]

    arguments = {"learning_rate": 0.05, "max_epochs": 1, "batch_size": 50}
    results = train_many(pair(), digits, seeds=(0, 1), **arguments)
    for seed, (model, result) in enumerate(zip(pair(), results, strict=True)):
        assert furthest(result.end, train(model, digits, seed=seed, **arguments).end) <= 1e-5
