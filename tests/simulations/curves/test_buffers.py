"""Buffers that differ between the ends, against a plain loop: every kind of buffer under every policy."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from simulations.curves.one_path import interpolation_curves
from simulations.models.buffers import BUFFER_POLICIES
from simulations.runtime.random_streams import torch_stream
from tests.plain_line import copied, plain_line, plain_logits, plain_point
from tests.simulations.curves.helpers.networks import copy_of

X = torch.randn(40, 6, generator=torch_stream(0, "inputs"))
Y = torch.arange(40) % 3
ALPHAS = [0.0, 0.25, 0.6, 1.0]


def spectral():
    return nn.Sequential(parametrizations.spectral_norm(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, 3))


def old_spectral():
    return nn.Sequential(nn.utils.spectral_norm(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, 3))


def pruned():
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    prune.l1_unstructured(model[0], "weight", 0.4)
    return model


class Averaging(nn.Module):
    """Divides by its own moving average, in half precision."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
        self.register_buffer("average", torch.ones(8, dtype=torch.float16))

    def forward(self, x):
        return self.head(torch.tanh(self.body(x)) / (0.5 + self.average.float().abs()))


class Frozen(nn.Module):
    """A normalisation whose scale and shift are buffers."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
        for name in ("weight", "bias", "running_mean"):
            self.register_buffer(name, torch.randn(8))

    def forward(self, x):
        return self.head(torch.relu((self.body(x) - self.running_mean) * self.weight + self.bias))


class Rotating(nn.Module):
    """Complex phases that are a buffer."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
        self.register_buffer("phases", torch.randn(4, dtype=torch.complex64))

    def forward(self, x):
        turned = torch.view_as_complex(self.body(x).unflatten(1, (4, 2))) * self.phases
        return self.head(torch.view_as_real(turned).flatten(1))


MODELS = [spectral, old_spectral, pruned, Averaging, Frozen, Rotating]
SOME_BUFFER = {
    spectral: "0.parametrizations.weight.0._u",
    old_spectral: "0.weight_u",
    pruned: "0.weight_mask",
    Averaging: "average",
    Frozen: "running_mean",
    Rotating: "phases",
}


def ends(make):
    torch.manual_seed(1)
    start = copy_of(make())
    torch.manual_seed(2)
    model = make()
    with torch.no_grad():
        for buffer in model.buffers():
            buffer.copy_(buffer if make is pruned else buffer + 0.3)
    return model, start, copy_of(model)


@pytest.mark.filterwarnings("ignore:.*weight_norm|.*spectral_norm:FutureWarning")
@pytest.mark.parametrize("make", MODELS)
def test_each_policy_is_the_plain_loops(make):
    run = ends(make)
    for policy in ("keep", "interpolate", "recalibrate"):
        plain = plain_line(*run, X, Y, ALPHAS, buffers="keep" if policy == "keep" else "interpolate")
        found = interpolation_curves(*run, (X, Y), alphas=ALPHAS, buffers=policy, method="grid")
        np.testing.assert_allclose(found.loss, plain.loss, rtol=2e-6)
        np.testing.assert_array_equal(found.error, plain.error)
        assert found.attrs["buffers"] == policy
        assert found.attrs["calibration_passes"] == 0


@pytest.mark.parametrize("make", MODELS)
def test_both_ends_are_their_checkpoints_own_under_every_policy_but_keep(make):
    model, start, end = ends(make)
    network = copied(model)
    own = [torch.tensor(plain_logits(network, state, X)) for state in (start, end)]
    losses = [float(nn.functional.cross_entropy(z, Y)) for z in own]
    for policy in ("interpolate", "recalibrate"):
        found = interpolation_curves(model, start, end, (X, Y), alphas=[0.0, 1.0], buffers=policy)
        assert found.loss.values.tolist() == pytest.approx(losses, rel=1e-14)
    kept = interpolation_curves(model, start, end, (X, Y), alphas=[0.0, 1.0], buffers="keep")
    assert kept.loss[1].item() == pytest.approx(losses[1], rel=1e-14)
    assert abs(kept.loss[0].item() - losses[0]) > 1e-4  # else the example would show nothing


@pytest.mark.parametrize("make", MODELS)
def test_without_a_policy_they_are_refused_by_name(make):
    run = ends(make)
    with pytest.raises(ValueError, match=r"choose buffers='keep' or 'interpolate'") as refused:
        interpolation_curves(*run, (X, Y))
    assert SOME_BUFFER[make] in str(refused.value)
    with pytest.raises(ValueError, match="buffers must be one of refuse, keep, interpolate, recalibrate"):
        interpolation_curves(*run, (X, Y), buffers="average")


def test_buffers_that_are_alike_need_no_policy():
    model, start, end = ends(spectral)
    names = dict(model.named_buffers())
    end = {name: start[name] if name in names else tensor for name, tensor in end.items()}
    found = interpolation_curves(model, start, end, (X, Y), alphas=ALPHAS)
    np.testing.assert_allclose(found.loss, plain_line(model, start, end, X, Y, ALPHAS).loss, rtol=2e-6)
    assert found.attrs["buffers"] == "none"


class Permuting(nn.Module):
    """An order of features that is an integer buffer, and a parameter of integers."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
        self.register_buffer("order", torch.randperm(8))
        self.signs = nn.Parameter(torch.randint(-3, 4, (8,)), requires_grad=False)

    def forward(self, x):
        return self.head(torch.tanh(self.body(x))[:, self.order] * self.signs)


def test_integers_are_the_starts_at_zero_and_the_ends_elsewhere():
    run = ends(Permuting)
    with pytest.raises(ValueError, match="order, signs"):
        interpolation_curves(*run, (X, Y))
    for policy in ("keep", "interpolate"):
        plain = [
            plain_line(
                *run,
                X,
                Y,
                [alpha],
                buffers=policy,
                coefficient=lambda name, a, keep=policy == "keep": (
                    float(a > 0 or keep) if name == "signs" else a
                ),
            ).loss[0]
            for alpha in ALPHAS
        ]
        found = interpolation_curves(*run, (X, Y), alphas=ALPHAS, buffers=policy)
        np.testing.assert_allclose(found.loss, plain, rtol=2e-6)


def test_the_count_of_batches_is_no_difference():
    norm = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    start = copy_of(norm)
    end = start | {"1.num_batches_tracked": torch.tensor(9), "0.bias": start["0.bias"] + 1}
    found = interpolation_curves(norm, start, end, (X, Y), alphas=[0.0, 1.0], buffers="interpolate")
    assert found.loss.notnull().all()


class AlwaysByStatistics(nn.BatchNorm1d):
    """Frozen by its own forward, whatever mode it is in."""

    def forward(self, x):
        return nn.functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
        )


class OwnMomentum(nn.InstanceNorm1d):
    """Writes a moving average of its own making, not its batch's mean."""

    def forward(self, x):
        if self.training:
            self.running_mean.mul_(0.9).add_(0.1 * x.mean(dim=(0, 2)))
        x = (x - self.running_mean[:, None]) / (self.running_var[:, None] + 1e-5).sqrt()
        return x * self.weight[:, None] + self.bias[:, None]


class Normalised(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.body, self.norm, self.head = nn.Linear(6, 8), norm, nn.Linear(8, 3)
        self.true = nn.BatchNorm1d(3)

    def forward(self, x):
        h = self.body(x)
        h = self.norm(h[:, :, None])[:, :, 0] if isinstance(self.norm, nn.InstanceNorm1d) else self.norm(h)
        return self.true(self.head(torch.relu(h)))


class FrozenByTrain(nn.BatchNorm1d):
    """The usual way to freeze one: asked to train, it stays in evaluation mode."""

    def train(self, _mode=True):
        return super().train(False)


class NormalisedAndFrozen(Normalised):
    """The whole network keeps one layer in evaluation mode."""

    def train(self, mode=True):
        super().train(mode)
        self.norm.eval()
        self.head.bias.requires_grad_(not mode)
        return self


@pytest.mark.parametrize(
    "norm",
    [
        lambda: AlwaysByStatistics(8),
        lambda: FrozenByTrain(8),
        lambda: OwnMomentum(8, affine=True, track_running_stats=True),
        lambda: NormalisedAndFrozen(nn.BatchNorm1d(8)),
    ],
)
@pytest.mark.parametrize("equal", [True, False])
def test_layers_that_measure_nothing_are_left_and_named(norm, equal):
    """Against a plain loop that measures the true batch norm by hand."""
    torch.manual_seed(0)
    built = norm()
    model = built if isinstance(built, Normalised) else Normalised(built)
    start, end = copy_of(model), copy_of(model)
    stream = torch_stream(3, "end")
    for name, tensor in end.items():
        if tensor.is_floating_point() and (not equal or "running" not in name):
            end[name] = tensor + 0.3 * torch.rand(tensor.shape, generator=stream)
    if equal:
        for state in (start, end):
            state["norm.running_mean"] = torch.linspace(-1, 1, 8)
            state["norm.running_var"] = torch.linspace(0.5, 2, 8)
    with pytest.warns(UserWarning, match="measures nothing in norm, which do not write"):
        found = interpolation_curves(
            model, start, end, [(X[:25], Y[:25]), (X[25:], Y[25:])], alphas=ALPHAS, buffers="recalibrate"
        )
    assert found.attrs["buffers_not_measured"] == "norm"
    assert model.head.bias.requires_grad
    losses = []
    for alpha in ALPHAS:
        network = copied(model).eval()
        network.load_state_dict(plain_point(start, end, alpha, parameters=set()))
        seen = []
        handle = network.head.register_forward_hook(lambda _, __, output, seen=seen: seen.append(output))
        with torch.no_grad():
            network(X)
            network.true.running_mean.copy_(seen[0].mean(dim=0))
            network.true.running_var.copy_(seen[0].var(dim=0))
            losses.append(float(nn.functional.cross_entropy(network(X).double(), Y)))
        handle.remove()
    np.testing.assert_allclose(found.loss, losses, rtol=1e-5)


class OwnNorm(nn.Module):
    """Batch norm as many write it by hand; `share` of what was kept stays at momentum m."""

    def __init__(self, rule, shape=(8,), **options):
        super().__init__()
        self.rule, self.unbiased = rule, options.get("unbiased", True)
        if options.get("has_momentum", True):
            self.momentum = 0.1
        self.register_buffer("running_mean", torch.zeros(shape))
        self.register_buffer("running_var", torch.ones(shape))

    def forward(self, x):
        if self.training and self.rule is not None:
            new = self.rule(getattr(self, "momentum", 0.1))
            self.running_mean = self.running_mean * (1 - new) + new * x.mean(0)
            self.running_var = self.running_var * (1 - new) + new * x.var(0, unbiased=self.unbiased)
            return (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt()
        return (x - self.running_mean) / (self.running_var + 1e-5).sqrt()


def own_line(norm, width=8):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, width), norm, nn.Tanh(), nn.Linear(width, 3))
    stream = torch_stream(4, "end")
    start = copy_of(model)
    return model, start, {n: t + 0.3 * torch.rand(t.shape, generator=stream) for n, t in start.items()}


def test_a_normalisation_of_ones_own_is_measured_where_it_writes_what_torchs_do():
    model, start, end = own_line(OwnNorm(lambda momentum: momentum))
    found = interpolation_curves(
        model, start, end, [(X[:25], Y[:25]), (X[25:], Y[25:])], alphas=ALPHAS, buffers="recalibrate"
    )
    losses = []
    for alpha in ALPHAS:
        network = copied(model).eval()
        network.load_state_dict(plain_point(start, end, alpha, parameters=set()))
        with torch.no_grad():
            hidden = network[0](X)
            network[1].running_mean, network[1].running_var = hidden.mean(0), hidden.var(0)
            losses.append(float(nn.functional.cross_entropy(network(X).double(), Y)))
    np.testing.assert_allclose(found.loss, losses, rtol=1e-5)
    assert model[1].momentum == 0.1
    assert all(torch.equal(start[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    "norm",
    [
        lambda: OwnNorm(lambda momentum: 1 - momentum),
        lambda: OwnNorm(lambda _: 0.1, has_momentum=False),
        lambda: OwnNorm(lambda momentum: momentum, unbiased=False),
        lambda: OwnNorm(lambda momentum: momentum, (1, 8)),
    ],
    ids=["what was kept", "no momentum", "biased", "of another shape"],
)
def test_one_that_writes_something_else_is_refused_by_name(norm):
    with pytest.raises(
        ValueError, match=r"^buffers='recalibrate' cannot measure 1, a OwnNorm.*'keep' or"
    ) as error:
        interpolation_curves(*own_line(norm()), (X, Y), alphas=3, buffers="recalibrate")
    assert "\n" not in str(error.value)


def test_one_that_writes_nothing_is_left_and_named():
    line = own_line(OwnNorm(None))
    with pytest.warns(UserWarning, match="measures nothing in 1"):
        found = interpolation_curves(*line, (X, Y), alphas=3, buffers="recalibrate")
    np.testing.assert_array_equal(
        found.loss, interpolation_curves(*line, (X, Y), alphas=3, buffers="interpolate").loss
    )


def test_a_normalisation_called_by_keyword_is_measured_as_any():
    class Keyword(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.head = nn.BatchNorm1d(6), nn.Linear(6, 3)

        def forward(self, x):
            return self.head(self.norm(input=x))

    model = Keyword()
    start = copy_of(model)
    end = {n: t + 0.3 if t.is_floating_point() else t for n, t in start.items()}
    plain = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 3))
    renamed = [
        {n.replace("norm", "0").replace("head", "1"): t for n, t in state.items()} for state in (start, end)
    ]
    options = {"alphas": 3, "buffers": "recalibrate"}
    np.testing.assert_array_equal(
        interpolation_curves(model, start, end, (X, Y), **options).loss,
        interpolation_curves(plain, *renamed, (X, Y), **options).loss,
    )


def test_all_layers_of_torch_are_measured():
    for norm in (nn.BatchNorm1d(8), nn.InstanceNorm1d(8, track_running_stats=True)):
        model = nn.Sequential(nn.Linear(6, 8), norm, nn.Linear(8, 3))
        if isinstance(norm, nn.InstanceNorm1d):
            model = nn.Sequential(
                nn.Unflatten(1, (2, 3)), nn.Conv1d(2, 8, 1), norm, nn.Flatten(), nn.Linear(24, 3)
            )
        start = copy_of(model)
        end = {n: t + 0.3 if t.is_floating_point() else t for n, t in start.items()}
        found = interpolation_curves(model, start, end, (X, Y), alphas=ALPHAS, buffers="recalibrate")
        assert "buffers_not_measured" not in found.attrs


def test_the_old_name_still_works_and_says_so():
    run = ends(spectral)
    with pytest.warns(DeprecationWarning, match="batch_norm='keep' is now buffers='keep'"):
        old = interpolation_curves(*run, (X, Y), alphas=3, batch_norm="keep")
    assert old.identical(interpolation_curves(*run, (X, Y), alphas=3, buffers="keep"))
    with pytest.raises(ValueError, match="are one argument"):
        interpolation_curves(*run, (X, Y), alphas=3, buffers="keep", batch_norm="interpolate")
    assert BUFFER_POLICIES[0] == "refuse"


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_the_statistics_of_a_scripted_module_cannot_be_measured_and_are_not_passed_off_as_measured():
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    start = copy_of(model)
    end = {n: t + 0.3 if t.is_floating_point() else t for n, t in start.items()}
    with pytest.raises(
        ValueError, match="a scripted module hides: pass the module that it was scripted from"
    ):
        interpolation_curves(torch.jit.script(model), start, end, (X, Y), alphas=3, buffers="recalibrate")
