"""Which parameters are biases and which layer is last, on networks of many kinds."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from simulations.models.bias_names import bias_names, chosen_biases
from simulations.models.evaluation import evaluation_mode
from simulations.models.roles import effective_bias, find_roles, roles_in_words
from simulations.networks import build_network
from simulations.runtime.random_streams import torch_stream

X = torch.randn(16, 6, generator=torch_stream(0, "inputs"))


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x


class Old(nn.Module):
    """Names of another framework."""

    def __init__(self):
        super().__init__()
        self.gamma, self.beta, self.b1 = (nn.Parameter(torch.ones(6)) for _ in range(3))
        self.position_bias = nn.Embedding(4, 2)


def parametrised():
    layer = nn.Linear(6, 3)
    parametrize.register_parametrization(layer, "bias", Doubled())
    return parametrizations.weight_norm(layer)


def pruned():
    layer = nn.Linear(6, 3)
    prune.random_unstructured(layer, "bias", 1)
    return layer


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize(
    ("make", "biases", "unsure"),
    [
        (lambda: nn.LSTM(4, 3, 2, bidirectional=True), 8, []),
        (lambda: nn.GRUCell(4, 3), 2, []),
        (lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True), 4, []),
        (lambda: nn.TransformerEncoderLayer(4, 2, 8), 6, []),
        (lambda: nn.Sequential(nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.Bilinear(2, 2, 3)), 3, []),
        (parametrised, ["parametrizations.bias.original"], []),
        (pruned, ["bias_orig"], []),
        (lambda: nn.utils.weight_norm(nn.Linear(3, 2), "bias", dim=None), ["bias_g", "bias_v"], []),
        (lambda: nn.utils.weight_norm(nn.Linear(3, 2)), ["bias"], []),
        (Old, [], ["beta", "b1", "position_bias.weight"]),
        (lambda: nn.RNN(4, 3, bias=False), 0, []),
        (lambda: nn.Linear(4, 3, dtype=torch.complex64), ["bias"], []),
    ],
)
def test_biases_by_their_part(make, biases, unsure):
    found = bias_names(make())
    assert (len(found[0]) if isinstance(biases, int) else found[0]) == biases
    assert found[1] == unsure


@pytest.mark.parametrize("network", ["fcn", "vgg16", "resnet18", "vit"])
def test_of_our_own_networks_they_are_those_whose_names_end_in_bias(network):
    options = {"fcn": {"depth": 3, "width": 8}, "vit": {"depth": 2, "width": 8}}
    more = options.get(network, {"width_multiplier": 1 / 16, "batch_norm": True})
    model = build_network(network, input_shape=(1, 8, 8), n_classes=10, bias="all", seed=0, **more)
    names = [name for name, _ in model.named_parameters()]
    assert bias_names(model) == ([name for name in names if name.rpartition(".")[2].endswith("bias")], [])


def test_the_users_biases():
    model = Old()
    assert chosen_biases(model, ["b*"]) == ["beta", "b1"]
    with pytest.raises(ValueError, match="no parameter is named 'shift'; they are gamma, beta"):
        chosen_biases(model, ["beta", "shift"])
    with pytest.raises(ValueError, match="got the string 'beta'"):
        chosen_biases(model, "beta")


def roles_of(model, **choice):
    with evaluation_mode(model), torch.no_grad():
        point = dict(model.named_parameters())

        def run(changes):
            return torch.func.functional_call(model, point | dict(changes), (X,))

        found = find_roles(model, run, point, **choice)
        bias = None if found.no_split else effective_bias(run, point, found)
    return found, bias


class HeadFirst(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 3)
        self.body = nn.Linear(6, 8)
        self.unused = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


class Lora(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.base = nn.Linear(6, 8), nn.Linear(8, 3)
        self.down, self.up = nn.Linear(8, 2, bias=False), nn.Linear(2, 3, bias=False)

    def forward(self, x):
        h = torch.relu(self.body(x))
        return self.base(h) + 0.5 * self.up(self.down(h))


class Temperature(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.temperature = HeadFirst(), nn.Parameter(torch.tensor(2.5))

    def forward(self, x):
        return self.inner(x) / self.temperature


class TiedHead(nn.Module):
    """Its last product is with a weight of its own first layer, its bias a bare parameter."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 3, bias=False)
        self.out_b = nn.Parameter(torch.randn(3))

    def forward(self, x):
        return torch.tanh(x) @ self.first.weight.T + self.out_b


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Conv1d(1, 4, 3), nn.Conv1d(4, 3, 1)

    def forward(self, x):
        return self.head(torch.relu(self.body(x[:, None]))).mean(dim=2)


def normalised(last):
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3), last)


@pytest.mark.parametrize(
    ("make", "layer", "bias", "value"),
    [
        (HeadFirst, "head", "head.bias", lambda m: m.head.bias),
        (Lora, "base", "base.bias", lambda m: m.base.bias),
        (Temperature, "inner.head", "inner.head.bias", lambda m: m.inner.head.bias / 2.5),
        (TiedHead, "", "out_b", lambda m: m.out_b),
        (Pooled, "head", "head.bias", lambda m: m.head.bias),
        (parametrised, "", "parametrizations.bias.original", lambda m: m.bias),
        (pruned, "", "bias_orig", lambda m: m.bias_orig * m.bias_mask),
        (lambda: normalised(nn.LogSoftmax(dim=1)), "2", "2.bias", None),
        (lambda: normalised(nn.LayerNorm(3)), "3", "3.bias", lambda m: m[3].bias),
    ],
)
def test_the_last_bias_is_found_by_running(make, layer, bias, value):
    torch.manual_seed(0)
    model = make()
    found, added = roles_of(model)
    assert (found.last_layer, found.last_bias, found.no_split) == (layer, bias, "")
    assert found.how.startswith("found by running")
    assert bias in found.biases
    if value is not None:
        torch.testing.assert_close(added, value(model).detach().double(), rtol=1e-5, atol=1e-5)
    words = roles_in_words(found)
    assert f"last layer: {layer or 'the model itself'}, found by running" in words
    assert f"last bias: {bias}" in words


@pytest.mark.parametrize(
    "last", [lambda: nn.Softmax(dim=1), nn.PReLU, nn.ReLU, lambda: nn.LayerNorm(3, bias=False)]
)
def test_where_no_bias_shifts_the_logits_it_is_said(last):
    torch.manual_seed(0)
    found, _ = roles_of(normalised(last()))
    assert found.last_bias is None
    assert "no bias shifts those of all samples alike (tried 2.bias)" in found.no_split


def test_a_bias_that_is_computed_and_never_zero_is_not_taken_out():
    class Above(nn.Module):
        def forward(self, x):
            return nn.functional.softplus(x)

    layer = nn.Linear(6, 3)
    parametrize.register_parametrization(layer, "bias", Above())
    found, _ = roles_of(layer)
    assert "the last bias is not 0 where parametrizations.bias.original is" in found.no_split


def test_without_a_bias_of_as_many_numbers_there_is_nothing_to_split():
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3, bias=False), nn.Softplus())
    found, bias = roles_of(model)
    assert (found.last_bias, found.no_split, bias) == (None, "", None)
    assert "none, found by running to be no single layer" in roles_in_words(found)


@torch.no_grad()
def test_a_scripted_network_takes_no_hooks_and_is_found_by_shifting():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's, of scripting
        model = torch.jit.script(normalised(nn.Identity()))
    named = dict(model.named_parameters())
    point = {name: tensor.clone() for name, tensor in named.items()}

    def run(changes):
        for name, tensor in (point | dict(changes)).items():
            named[name].copy_(tensor)
        return model(X)

    with evaluation_mode(model):
        found = find_roles(model, run, point)
    assert (found.biases, found.last_layer, found.last_bias) == (("0.bias", "2.bias"), "2", "2.bias")


def test_the_users_last_layer():
    torch.manual_seed(0)
    model = Lora()
    found, _ = roles_of(model, last_layer="base")
    assert (found.last_layer, found.last_bias, found.how) == ("base", "base.bias", "given")
    wrong, _ = roles_of(model, last_layer="body")
    assert "no bias shifts" in wrong.no_split
    with pytest.raises(ValueError, match=r"no module with parameters is named 'head'; they are \['', 'body'"):
        roles_of(model, last_layer="head")
    named, _ = roles_of(model, biases=["base.bias"])
    assert named.biases == ("base.bias",)
    assert named.hidden_biases == []


class Scaled(nn.Linear):
    def forward(self, x):
        return super().forward(x) * 10


class Changed(nn.Module):
    """A head whose output is changed in place, so that the tensor is still the layer's own."""

    def __init__(self, change):
        super().__init__()
        self.head, self.change = nn.Linear(4, 3), change

    def forward(self, x):
        z = self.head(x)
        self.change(z)
        return z


class Softened(nn.Linear):
    def forward(self, x):
        return nn.functional.softplus(super().forward(x))


class Rectified(nn.Linear):
    def forward(self, x):
        return nn.functional.relu_(super().forward(x))


class Patched(nn.Sequential):
    """A layer whose forward is replaced, as adapters do it."""

    def __init__(self):
        super().__init__(nn.Linear(4, 3))
        layer = self[0]
        layer.forward = lambda x: 3 * nn.functional.linear(x, layer.weight, layer.bias)


def hooked(hook, before=None):
    model = nn.Sequential(nn.Linear(4, 3))
    if hook is not None:
        model[0].register_forward_hook(hook)
    if before is not None:
        model[0].register_forward_pre_hook(before)
    return model


def large_bias(model):
    """So large that what is done to the logits shows nothing, until the bias is taken out."""
    with torch.no_grad():
        model.get_parameter("head.bias").add_(100.0)
    return model


@pytest.mark.parametrize(
    ("make", "scale"),
    [
        (lambda: hooked(lambda _, __, out: out * 10), 10.0),
        (lambda: hooked(lambda _, __, out: out.mul_(10)), 10.0),
        (lambda: hooked(lambda layer, _, out: out + layer.bias), 2.0),
        (lambda: hooked(lambda _, __, out: 3 * torch.tanh(out / 3)), None),
        (lambda: hooked(lambda layer, _, out: out - layer.bias), None),
        (lambda: hooked(None, lambda _, given: (given[0] * 3,)), 1.0),
        (lambda: hooked(None, lambda layer, given: (given[0] + layer.bias.sum(),)), None),
        (lambda: nn.Sequential(Softened(4, 3)), None),
        (lambda: nn.Sequential(Rectified(4, 3)), None),
        (Patched, 3.0),
        (lambda: Changed(lambda z: nn.functional.leaky_relu_(z, 0.1)), None),
        (lambda: nn.Sequential(nn.Linear(4, 3), nn.LeakyReLU(0.1, inplace=True)), None),
        (lambda: large_bias(Changed(torch.relu_)), None),
        (lambda: nn.Sequential(Scaled(4, 3)), 10.0),
        (lambda: Changed(lambda z: z.mul_(10)), 10.0),
        (lambda: Changed(lambda z: z.add_(0)), 1.0),
        (lambda: Changed(torch.relu_), None),
    ],
    ids=[
        "hook scales",
        "hook scales in place",
        "hook adds the bias",
        "hook caps",
        "hook takes the bias out",
        "hook before scales",
        "hook before adds the bias",
        "softplus in the layer",
        "ReLU in the layer",
        "forward replaced",
        "LeakyReLU in place",
        "LeakyReLU module in place",
        "large bias, rectified",
        "scaled layer",
        "scaled in place",
        "changed by nothing",
        "rectified in place",
    ],
)
def test_a_last_bias_is_what_it_adds_to_the_logits_or_is_not_told(make, scale):
    torch.manual_seed(0)
    model = make().eval()
    x = torch.randn(16, 4)
    parameters = dict(model.named_parameters())

    def run(changes):
        return torch.func.functional_call(model, parameters | dict(changes), (x,))

    with torch.no_grad():
        roles = find_roles(model, run, parameters)
        added = effective_bias(run, parameters, roles)
        outputs = run({})
    if scale is None:
        assert roles.last_bias is None
        assert "do not split" in roles.no_split
        return
    with torch.no_grad():
        signal = run({roles.last_bias: torch.zeros_like(parameters[roles.last_bias])})
    torch.testing.assert_close(signal.double() + added, outputs.double(), rtol=1e-4, atol=1e-5)
    bias = parameters[roles.last_bias].detach().double()
    torch.testing.assert_close(added, scale * bias, rtol=1e-4, atol=1e-5)
