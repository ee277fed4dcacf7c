"""Faster devices' options: as far as a CPU shows them, and on a GPU where there is one."""

import numpy as np
import pytest
import torch

from simulations.curves.one_path import interpolation_curves
from simulations.line.moved_network import Line
from tests.simulations.curves.helpers.networks import Attention, Residual, Tied, line


def test_alphas_together_channels_last_and_bf16(digits, monkeypatch):
    model, start, end = line(Residual)
    options = {"buffers": "interpolate", "alphas": 41}
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


# -- on a GPU

ON_GPU = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
POLICY = {Residual: {"buffers": "interpolate"}}


@pytest.mark.parametrize("make", [pytest.param(make, marks=ON_GPU) for make in (Tied, Attention, Residual)])
def test_on_a_gpu_the_curves_are_the_cpus_and_the_model_stays_where_it_was(make, digits):
    model, start, end = line(make)
    options = {"alphas": 201, **POLICY.get(make, {})}
    here = interpolation_curves(model, start, end, digits, **options)
    there = interpolation_curves(model, start, end, digits, device="cuda", **options)
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"cpu"}
    # Each side is within its tolerances of its own device's grid; the devices' roundings are far below.
    assert np.abs(there.loss - here.loss).max() <= 2e-3
    assert np.abs(there.error - here.error).max() <= 1e-2
    few = {**options, "alphas": 7, "method": "grid"}
    exact = [interpolation_curves(model, start, end, digits, device=d, **few).loss for d in ("cpu", "cuda")]
    # True float32, convolutions too: TF32 keeps 10 bits, of which 1e-4 of the loss would not be left.
    np.testing.assert_allclose(*exact, atol=1e-5)


@pytest.mark.parametrize("channels_last", [pytest.param(last, marks=ON_GPU) for last in (False, True)])
def test_on_a_gpu_several_alphas_at_once_and_channels_last_change_nothing(channels_last, digits):
    model, start, end = line(Residual)
    options = {"alphas": 41, "buffers": "interpolate", "device": "cuda"}
    alone = interpolation_curves(model, start, end, digits, **options)
    more = {"alphas_at_once": 8, "channels_last": channels_last}
    together = interpolation_curves(model, start, end, digits, **more, **options)
    np.testing.assert_allclose(together.loss, alone.loss, atol=1e-4)
    assert np.abs(together.error - alone.error).max() <= 5 / len(digits)


@pytest.mark.parametrize("precision", [pytest.param(name, marks=ON_GPU) for name in ("tf32", "bf16")])
def test_on_a_gpu_a_coarser_precision_tells_its_error_and_leaves_torchs_settings(precision, digits):
    model, start, end = line(Residual)
    options = {"alphas": 21, "buffers": "interpolate", "device": "cuda", "method": "grid"}
    exact = interpolation_curves(model, start, end, digits, **options)
    backends = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = [backend.fp32_precision for backend in backends]
    coarse = interpolation_curves(model, start, end, digits, precision=precision, **options)
    assert [backend.fp32_precision for backend in backends] == before
    found = coarse.attrs["precision_error"]
    assert 0 < found < (0.05 if precision == "tf32" else 0.5)
    assert np.abs(coarse.loss - exact.loss).max() < 2 * found + 1e-3
