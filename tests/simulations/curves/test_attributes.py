"""What a curve says of itself: versions, device, contents, the call."""

import json
from importlib.metadata import version

import numpy as np
import pytest
import torch

from simulations.curves.one_path import interpolation_curves
from simulations.user_data.data_passes import Batches
from tests.simulations.curves.helpers.networks import Residual, line

DEFAULTS = {
    "alphas": 101,
    "path": "linear",
    "method": "adaptive",
    "loss_tolerance": 1e-3,
    "error_tolerance": 5e-3,
    "buffers": "refuse",
    "extrapolate": False,
    "exits": False,
    "samples": False,
    "bias_depth": None,
    "batch_hook": None,
    "device": None,
    "precision": "native",
    "channels_last": False,
    "alphas_at_once": 1,
    "biases": None,
    "last_layer": None,
    "output": None,
    "objective": "cross_entropy",
    "class_weights": None,
    "label_smoothing": 0.0,
    "ignore_index": -100,
    "target": "labels",
    "metrics": None,
    "calibrated": False,
}


def hook(item):
    return item


def halved(_, alpha):
    return alpha / 2 if alpha < 1 else 1.0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"alphas": 3}, {}),
        ({"alphas": np.int64(3), "exits": np.True_, "error_tolerance": np.float32(0.5)}, {"alphas": 3}),
        ({"alphas": [0.0, 0.25, 1.0]}, {"alphas": {"count": 3, "first": 0.0, "last": 1.0}}),
        ({"alphas": 3, "device": torch.device("cpu"), "method": "grid"}, {"device": "cpu"}),
        ({"alphas": 3, "path": halved}, {"path": f"{__name__}.halved"}),
        ({"alphas": 3, "buffers": "keep", "loss_tolerance": 0.1, "samples": True}, {}),
    ],
)
def test_the_call_is_told_as_it_was_given(trained, digits, given, told):
    curve = interpolation_curves(trained.model, trained.start, trained.end, digits, **given)
    assert json.loads(curve.attrs["call"]) == DEFAULTS | given | told
    assert curve.attrs["package_version"] == version("mli-plateau")
    assert curve.attrs["torch_version"] == str(torch.__version__)
    assert curve.attrs["device"] == "cpu"
    assert "calibration_hash" not in curve.attrs


def test_the_data_of_the_statistics_are_told_by_their_hash(digits):
    some = digits.inputs[:300], digits.labels[:300]
    read = Batches(some)
    list(read)
    options = {"alphas": 3, "buffers": "recalibrate"}
    own, stated = (
        interpolation_curves(*line(Residual), digits, calibration=data, **options) for data in (None, some)
    )
    assert own.attrs["calibration_hash"] == digits.content_hash
    assert stated.attrs["calibration_hash"] == read.content_hash != digits.content_hash


def test_a_curve_from_the_cache_tells_the_call_that_read_it(trained, digits, tmp_path):
    run = trained.model, trained.start, trained.end, digits
    interpolation_curves(*run, alphas=3, cache=tmp_path)
    (kept,) = tmp_path.iterdir()
    again = interpolation_curves(*run, alphas=np.linspace(0, 1, 3), device="cpu", cache=tmp_path)
    assert list(tmp_path.iterdir()) == [kept]
    call = json.loads(again.attrs["call"])
    assert (call["alphas"]["count"], call["device"]) == (3, "cpu")
