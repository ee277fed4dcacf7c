"""Networks whose logits of a sample depend on the others of its batch: whole batches, by a plain loop."""

import numpy as np
import pytest
import torch
from torch import nn

from simulations.curves.one_path import interpolation_curves
from simulations.prediction.gain_prediction import predict_from_probe
from simulations.prediction.signal_gain import UndefinedSignalError
from simulations.runtime.random_streams import torch_stream
from simulations.user_data.batch import Batch
from tests.plain_line import copied, cross_entropy, plain_point
from tests.simulations.curves.helpers.networks import copy_of, moved
from validation.diagnosis import diagnose

ALPHAS = np.linspace(0, 1, 41)
SEEN = [0, 7, 20, 33, 40]
X = torch.randn(40, 6, generator=torch_stream(1, "batches that count"))
Y = torch.arange(40) % 3


class Standardised(nn.Module):
    def forward(self, x):
        return (x - x.mean(0)) / x.std(0)


class Attends(nn.Module):
    """To the other samples."""

    def forward(self, x):
        return torch.softmax(x @ x.T, dim=1) @ x


class ByTheLargest(nn.Module):
    """One sample's doing: the half of the batch that has it shows nothing."""

    def forward(self, x):
        return x / x.abs().max()


class Ranked(nn.Module):
    """A sample's place in its batch."""

    def forward(self, x):
        return x + torch.linspace(-1, 1, len(x))[:, None]


def network(layer):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), layer(), nn.Tanh(), nn.Linear(8, 3))
    start = copy_of(model)
    return model, start, moved(start, 1, 0.5)


def in_batches(size):
    return [(X[i : i + size], Y[i : i + size]) for i in range(0, len(Y), size)]


def by_hand(model, start, end, alpha, batches):
    walked, losses = copied(model).eval(), 0.0
    walked.load_state_dict(plain_point(start, end, alpha, parameters=set(start)))
    with torch.no_grad():
        for inputs, labels in batches:
            losses += cross_entropy(walked(inputs).double().numpy(), labels.numpy()) * len(labels)
    return losses / len(Y)


@pytest.mark.parametrize("layer", [Standardised, Attends, ByTheLargest, Ranked])
@pytest.mark.parametrize("method", ["adaptive", "grid"])
@pytest.mark.parametrize("size", [40, 8])
def test_whole_batches_are_evaluated_and_it_is_said(layer, method, size):
    line, batches = network(layer), in_batches(size)
    data = (X, Y) if size == len(Y) else batches
    with pytest.warns(UserWarning, match="depend on the other samples of its batch: whole batches") as said:
        found = interpolation_curves(*line, data, alphas=ALPHAS, method=method)
    assert len(said) == 1
    wanted = [by_hand(*line, float(ALPHAS[i]), batches) for i in SEEN]
    room = 1e-5 + 3 * found.attrs["estimated_loss_error"]
    np.testing.assert_allclose(found.loss[SEEN], wanted, rtol=0, atol=room)
    np.testing.assert_allclose(found.loss[[0, -1]], [wanted[0], wanted[-1]], rtol=0, atol=1e-6)


def test_batches_of_one_sample_are_compared_with_two_together():
    line = network(Ranked)
    with pytest.warns(UserWarning, match="whole batches"):
        found = interpolation_curves(*line, in_batches(1), alphas=ALPHAS)
    assert float(found.loss[0]) == pytest.approx(by_hand(*line, 0.0, in_batches(1)), abs=1e-6)


@pytest.mark.filterwarnings("ignore:.*degrees of freedom:UserWarning")  # torch's, of the one sample
def test_a_batch_of_one_that_has_no_logits_says_why():
    with (
        pytest.warns(UserWarning, match="whole batches"),
        pytest.raises(ValueError, match=r"not finite .*give batches of two or more") as error,
    ):
        interpolation_curves(*network(Standardised), in_batches(39), alphas=ALPHAS)
    assert "\n" not in str(error.value)


def test_laws_of_single_samples_are_refused_and_their_accounts_left_out():
    model, start, end = network(Standardised)
    with pytest.raises(UndefinedSignalError, match="depend on the other samples of its batch"):
        predict_from_probe(model, start, end, (X, Y))
    with pytest.warns(UserWarning, match="whole batches"):
        found = diagnose(model, start, end, (X, Y), alphas=11)
    assert "depend on the other samples" in found.left_out["depth"]
    assert np.isfinite(found.curves.loss.sel(counterfactual="linear")).all()


def test_a_mask_that_nobody_named_is_refused_by_the_laws_too():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(6, 3)

        def forward(self, x, mask):
            return self.last(x * mask.sum())

    model, mask = Masked(), torch.ones(40)
    start = copy_of(model)
    line = model, start, moved(start, 1)
    for shared, refused in (((), True), ((1,), False)):
        data = [Batch((X, mask), {}, Y, shared)]
        if refused:
            with pytest.raises(ValueError, match="name it in Batch"):
                predict_from_probe(*line, data)
        else:
            predict_from_probe(*line, data)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("layer", [nn.LayerNorm, nn.BatchNorm1d])
def test_what_each_sample_has_alone_is_no_dependence(layer):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), layer(8), nn.Tanh(), nn.Linear(8, 3)).half()
    start = copy_of(model)
    end = {name: (1.5 * t).to(t.dtype) for name, t in start.items()}
    interpolation_curves(model, start, end, (X, Y), alphas=3, buffers="keep")
