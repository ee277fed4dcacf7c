"""Faster devices' options, as far as a CPU shows them."""

import numpy as np

from simulations.curves import interpolation_curves
from simulations.line import Line
from tests.simulations.curve_engine.networks import Residual, line


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
