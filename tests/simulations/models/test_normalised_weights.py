"""A start of zeros under a normalisation of weights: 0/0, and the message says so."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from simulations.curves.one_path import interpolation_curves
from simulations.line.paths import zero_start
from simulations.models.normalised_weights import zero_normalised_weights
from simulations.runtime.random_streams import torch_stream

X = torch.randn(20, 6, generator=torch_stream(0, "inputs"))
Y = torch.arange(20) % 3

KINDS = {
    "weight": (parametrizations.weight_norm, "0.parametrizations.weight.original1"),
    "spectral": (parametrizations.spectral_norm, "0.parametrizations.weight.original"),
    "old weight": (nn.utils.weight_norm, "0.weight_v"),
    "old spectral": (nn.utils.spectral_norm, "0.weight_orig"),
}

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")  # old, and still about


@pytest.mark.parametrize(("normalise", "name"), KINDS.values(), ids=KINDS)
def test_the_weight_whose_size_is_0_is_named(normalise, name):
    torch.manual_seed(0)
    model = nn.Sequential(normalise(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, 3))
    end = {n: t.detach().clone() for n, t in model.state_dict().items()}
    parameters = dict(model.named_parameters())
    start = end | {n: t for n, t in zero_start(end).items() if n in parameters}
    with pytest.raises(
        ValueError, match=rf"not finite at alpha = 0.0: there the size of {name}, by which"
    ) as error:
        interpolation_curves(model, start, end, (X, Y), alphas=3, buffers="keep")
    assert "\n" not in str(error.value)
    minus = end | {n: -t for n, t in end.items() if n in parameters}
    with pytest.raises(ValueError, match=rf"not finite at alpha = 0.5: there the size of {name}"):
        interpolation_curves(model, minus, end, (X, Y), alphas=3, buffers="keep")


def test_one_row_of_zeros_is_0_by_0_where_rows_are_divided_one_by_one():
    weight, spectral = (
        nn.Sequential(normalise(nn.Linear(6, 8))) for normalise, _ in list(KINDS.values())[:2]
    )
    for model, name, found in (
        (weight, "0.parametrizations.weight.original1", 1),
        (spectral, "0.parametrizations.weight.original", 0),
    ):
        values = {n: t.detach().clone() for n, t in model.named_parameters()}
        assert zero_normalised_weights(model, values.__getitem__) == []
        values[name][2] = 0.0
        assert len(zero_normalised_weights(model, values.__getitem__)) == found
    assert zero_normalised_weights(nn.Linear(6, 8), lambda _: torch.zeros(8, 6)) == []
