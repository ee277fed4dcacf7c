"""Networks as others write them: other types, lazy, wrapped, scripted; each as a plain loop gives it."""

import numpy as np
import pytest
import torch
from torch import nn

from simulations.curves.logit_paths import logit_path
from simulations.curves.one_path import interpolation_curves
from simulations.prediction.gain_prediction import predict_from_endpoints
from simulations.runtime.random_streams import torch_stream
from tests.plain_line import plain_line
from tests.simulations.curves.helpers.networks import copy_of, moved
from validation.diagnosis.accounts import diagnose
from validation.diagnosis.verdict import verdict

ALPHAS = (0.0, 0.3, 0.75, 1.0)


def samples(n=40, features=6, classes=3):
    stream = torch_stream(5, "samples of others")
    inputs = torch.randn((n, features), generator=stream)
    return inputs, torch.randint(classes, (n,), generator=stream)


def compiled(model):
    return torch.compile(model, backend="eager")  # never run: only its names count


def body(norm=False):
    middle = [nn.BatchNorm1d(8)] if norm else []
    return nn.Sequential(nn.Linear(6, 8), *middle, nn.Tanh(), nn.Linear(8, 3))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("data_dtype", [torch.float32, torch.float64, torch.float16])
def test_inputs_are_given_in_the_networks_type(dtype, data_dtype):
    torch.manual_seed(0)
    model = body().to(dtype)
    start = copy_of(model)
    end = {n: t.to(dtype) for n, t in moved({n: t.float() for n, t in start.items()}, 1, 0.5).items()}
    inputs, labels = samples()
    inputs = inputs.to(data_dtype)
    found = interpolation_curves(model, start, end, (inputs, labels), alphas=ALPHAS)
    plain = plain_line(model, start, end, inputs.to(dtype), labels, ALPHAS)
    loss, error = plain.loss, plain.error
    # One unit in the last place of a weight, where float32 arithmetic rounds to another half.
    room = {torch.float64: 1e-12, torch.float16: 2e-3, torch.bfloat16: 2e-2}[dtype]
    np.testing.assert_allclose(found.loss, loss, atol=room, rtol=0)
    np.testing.assert_allclose(found.loss[[0, -1]], loss[[0, -1]], atol=1e-12, rtol=0)
    assert np.abs(found.error - error).max() <= (0 if dtype == torch.float64 else 1 / 40 + 1e-9)
    predicted = predict_from_endpoints(model, start, end, (inputs, labels), n_probe=10)
    assert predicted.loss[-1] == pytest.approx(loss[-1], abs=1e-6)


def test_float64_data_are_read_by_a_float32_network_and_integers_stay():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(12, 3))
    start = copy_of(model)
    tokens, (_, labels) = torch.arange(120).reshape(40, 3) % 9, samples()
    end = moved(start, 1)
    found = interpolation_curves(model, start, end, (tokens, labels), alphas=ALPHAS)
    np.testing.assert_allclose(
        found.loss, plain_line(model, start, end, tokens, labels, ALPHAS).loss, atol=1e-6
    )
    other = body()
    inputs, labels = samples()
    states = copy_of(other), moved(copy_of(other), 1)
    wanted = interpolation_curves(other, *states, (inputs, labels), alphas=5)
    found = interpolation_curves(other, *states, (inputs.double(), labels), alphas=5)
    np.testing.assert_array_equal(found.loss, wanted.loss)


def test_lazy_layers_take_their_shapes_from_one_batch_of_a_copy():
    torch.manual_seed(0)
    model, inputs = nn.Sequential(nn.LazyLinear(8), nn.Tanh(), nn.LazyLinear(3)), samples()
    other = body()
    start, end = copy_of(other), moved(copy_of(other), 1)
    before = torch.get_rng_state()
    for walk in (interpolation_curves, logit_path, predict_from_endpoints):
        more = {"alphas": ALPHAS} if walk is interpolation_curves else {}
        found, wanted = walk(model, start, end, inputs, **more), walk(other, start, end, inputs, **more)
        for name in ("loss", "logits"):
            if hasattr(wanted, name):
                np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert torch.equal(before, torch.get_rng_state())
    assert type(model[0]) is nn.LazyLinear
    assert isinstance(model[0].weight, nn.UninitializedParameter)
    with pytest.raises(ValueError, match=r"start\['0.weight'\] has no values yet"):
        interpolation_curves(other, model, end, inputs)


class LazyWeight(nn.modules.lazy.LazyModuleMixin, nn.Module):
    """A lazy layer of the user's."""

    def __init__(self):
        super().__init__()
        self.weight = nn.UninitializedParameter()

    def initialize_parameters(self, x):
        if self.has_uninitialized_params():
            self.weight.materialize((3, x.shape[1]))
            nn.init.normal_(self.weight)

    def forward(self, x):
        return x @ self.weight.T


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Sequential(nn.Linear(6, 8), nn.LazyBatchNorm1d(), nn.Tanh(), nn.Linear(8, 3)),
        lambda: nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(affine=False), nn.LazyLinear(3)),
        lambda: nn.Sequential(
            nn.Unflatten(1, (1, 2, 3)),
            nn.LazyConv2d(4, 2),
            nn.LazyInstanceNorm2d(),
            nn.Flatten(),
            nn.LazyLinear(3),
        ),
        lambda: nn.Sequential(
            nn.Unflatten(1, (2, 3)),
            nn.LazyConvTranspose1d(4, 2),
            nn.LazyBatchNorm1d(),
            nn.Flatten(),
            LazyWeight(),
        ),
    ],
    ids=["batch norm", "no scale", "instance norm", "transposed, own"],
)
def test_lazy_normalisations_and_convolutions_too(make):
    torch.manual_seed(0)
    model, twin, (inputs, labels) = make(), make(), samples()
    with torch.no_grad():
        twin.eval()(inputs)
    start = copy_of(twin)
    end = {n: t + 0.3 * torch.rand_like(t) if t.is_floating_point() else t for n, t in start.items()}
    before = repr(model)
    found = interpolation_curves(
        model, start, end, (inputs, labels), alphas=ALPHAS, method="grid", buffers="interpolate"
    )
    plain = plain_line(twin, start, end, inputs, labels, ALPHAS)
    np.testing.assert_allclose(found.loss, plain.loss, atol=1e-6)
    assert repr(model) == before


def test_a_lazy_layer_that_is_never_used_is_named():
    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.not_used = nn.Linear(6, 3), nn.LazyLinear(4)

        def forward(self, x):
            return self.used(x)

    model = Unused()
    with pytest.raises(ValueError, match=r"lazy layers of not_used.weight, not_used.bias .* remove them"):
        interpolation_curves(model, model, model, samples(), alphas=3)


@pytest.mark.parametrize("outer", [nn.DataParallel, lambda m: nn.DataParallel(compiled(m))])
def test_a_wrapper_is_taken_off_and_its_names_with_it(outer):
    torch.manual_seed(0)
    model, inputs = body(), samples()
    start, end = copy_of(model), moved(copy_of(model), 1)
    wrapped = outer(model)
    wanted = interpolation_curves(model, start, end, inputs, alphas=ALPHAS)
    assert interpolation_curves(wrapped, start, end, inputs, alphas=ALPHAS).identical(wanted)
    prefix = next(iter(wrapped.state_dict())).removesuffix("0.weight")
    with pytest.warns(UserWarning, match=f"{prefix}' is left out"):
        found = interpolation_curves(
            wrapped,
            {prefix + n: t for n, t in start.items()},
            {prefix + n: t for n, t in end.items()},
            inputs,
            alphas=ALPHAS,
        )
    assert found.identical(wanted)


@pytest.mark.parametrize("kind", ["script", "trace"])
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # scripted modules are still about
def test_a_scripted_module_is_walked_through_a_copy(kind):
    torch.manual_seed(0)
    model = body()
    start, end = copy_of(model), moved(copy_of(model), 1)
    inputs, labels = samples()
    scripted = torch.jit.script(model) if kind == "script" else torch.jit.trace(model, inputs)
    before = copy_of(scripted)
    found = interpolation_curves(scripted, start, end, (inputs, labels), alphas=ALPHAS)
    plain = plain_line(model, start, end, inputs, labels, ALPHAS)
    np.testing.assert_allclose(found.loss, plain.loss, atol=1e-6)
    np.testing.assert_array_equal(found.error, plain.error)
    assert all(torch.equal(before[name], tensor) for name, tensor in scripted.state_dict().items())
    with pytest.raises(ValueError, match="pass the module that it was scripted from"):
        predict_from_endpoints(scripted, start, end, (inputs, labels))


class TwoColumns(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = body()

    def forward(self, x, scale=1.0):
        return scale * self.net(x)


def test_columns_that_forward_does_not_take_are_named():
    model, (inputs, labels) = TwoColumns(), samples()
    ends = copy_of(model), moved(copy_of(model), 1)
    batch = {"x": inputs, "labels": labels, "idx": labels, "words": ["a"] * 40}
    for walk in (interpolation_curves, predict_from_endpoints):
        with pytest.raises(ValueError, match=r"columns \['idx', 'words'\], which the network's forward"):
            walk(model, *ends, [batch])


@pytest.mark.parametrize("walk", [interpolation_curves, predict_from_endpoints])
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (torch.ones(4, 1, 2, 3), r"argument 0: float32 \(\d, 1, 2, 3\)\) with RuntimeError: mat1 and mat2"),
        (torch.ones(4, 6, dtype=torch.uint8), r"argument 0: uint8 \(\d, 6\)\) with RuntimeError: .*dtype"),
    ],
)
def test_data_that_do_not_fit_the_network_are_one_line(walk, inputs, message):
    model = body()
    with pytest.raises(ValueError, match=message) as raised:
        walk(model, copy_of(model), moved(copy_of(model), 1), (inputs, torch.tensor([0, 1, 2, 0])))
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value.__cause__, RuntimeError)


def test_a_defect_of_the_users_own_code_keeps_its_traceback():
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = body()

        def forward(self, x):
            return self.nett(x)

    model = Broken()
    with pytest.raises(AttributeError, match="nett"):
        interpolation_curves(model, copy_of(model), moved(copy_of(model), 1), samples())


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # scripted modules are still about
def test_a_scripted_module_walks_alphas_one_by_one_and_is_not_kept_in_a_cache(tmp_path):
    torch.manual_seed(0)
    model = body()
    ends = copy_of(model), moved(copy_of(model), 1)
    scripted = torch.jit.script(model)
    wanted = interpolation_curves(model, *ends, samples(), alphas=5)
    together = interpolation_curves(scripted, *ends, samples(), alphas=5, alphas_at_once=4)
    np.testing.assert_array_equal(together.loss, wanted.loss)
    with pytest.warns(UserWarning, match="not kept in the cache"):
        found = interpolation_curves(scripted, *ends, samples(), alphas=5, cache=tmp_path)
    np.testing.assert_array_equal(found.loss, wanted.loss)
    assert not list(tmp_path.iterdir())


def test_a_network_that_cannot_be_vectorised_raises_torchs_own_error():
    class Looks(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = body()

        def forward(self, x):
            y = self.net(x)
            return y if y.sum() > -1e9 else -y

    model = Looks()
    ends = copy_of(model), moved(copy_of(model), 1)
    with pytest.raises(RuntimeError, match="vmap"):
        interpolation_curves(model, *ends, samples(), alphas=5, alphas_at_once=4)


@pytest.mark.parametrize(
    "outer", [nn.DataParallel, lambda _: nn.Sequential(nn.LazyLinear(8), nn.Tanh(), nn.LazyLinear(3))]
)
def test_a_wrapped_or_lazy_network_is_diagnosed_as_the_one_inside(outer):
    torch.manual_seed(0)
    model = body()
    ends = copy_of(model), moved(copy_of(model), 1, 0.5)
    wanted = diagnose(model, *ends, samples(), alphas=11, n_probe=10)
    found = diagnose(outer(model), *ends, samples(), alphas=11, n_probe=10)
    assert found.curves.identical(wanted.curves)
    assert repr(found.accounts) == repr(wanted.accounts)  # nan is equal to nan here


class RawParameters(nn.Module):
    """No layers of torch: whose last bias is one is seen by running, of the first only its name tells."""

    def __init__(self):
        super().__init__()
        self.offset = nn.Parameter(torch.randn(3))
        self.out, self.b1 = nn.Parameter(torch.randn(3, 8) / 3), nn.Parameter(torch.randn(8))
        self.into = nn.Parameter(torch.randn(8, 6) / 2)

    def forward(self, x):
        hidden = torch.tanh(nn.functional.linear(x, self.into, self.b1))
        return nn.functional.linear(hidden, self.out, self.offset)


@pytest.mark.parametrize("path", ["bias", "weights"])
@pytest.mark.filterwarnings("ignore:the path")
def test_a_bias_that_running_finds_is_one_on_every_path(path):
    torch.manual_seed(0)
    model = RawParameters()
    start = copy_of(model)
    end, (inputs, labels) = moved(start, 1), samples()

    def coefficient(name, alpha):
        return alpha if (name == "offset") == (path == "bias") else 1.0

    found = interpolation_curves(model, start, end, (inputs, labels), alphas=ALPHAS, path=path)
    plain = plain_line(model, start, end, inputs, labels, ALPHAS, coefficient=coefficient)
    assert found.attrs["biases"] == "offset"
    np.testing.assert_allclose(found.loss, plain.loss, atol=1e-6, rtol=0)
    np.testing.assert_allclose(found.error, plain.error, atol=1e-12, rtol=0)


def test_the_verdict_does_not_call_absent_what_may_be_a_bias():
    torch.manual_seed(0)
    model = RawParameters()
    start = copy_of(model)
    found = diagnose(model, start, moved(start, 1), samples(), alphas=11)
    assert (found.roles.biases, found.roles.unsure) == (("offset",), ("b1",))
    told = "\n".join(verdict(found))
    assert "by their names b1 may be biases, taken as weights" in told
    assert "absent" not in told
