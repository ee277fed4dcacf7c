"""The flow at any time, for comparison with paths that stop at times of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline

from mli_theory import power_model

__all__ = ["FlowPath"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FlowPath:
    """One solved flow of weights none of which is 0, between its records.

    Cubic Hermite interpolation of phi(W) and b (T8: their rates are G and its row sums): exact while a class
    waits, and as good as the records are close elsewhere. Solve with a small rtol and every step a record.
    """

    degree: int
    sign: Array
    spline: CubicHermiteSpline
    log_loss: CubicHermiteSpline

    @classmethod
    def from_flow(cls, flow: xr.Dataset) -> FlowPath:
        """From a run of `integrate` without a seed dimension, its records at different times."""
        r, shares = int(flow.attrs["degree"]), flow.attrs["class_shares"]
        weights, bias = flow["weights"].to_numpy(), flow["bias"].to_numpy()
        size, records = np.abs(weights), len(weights)
        phi = 0.5 * np.log(size) if r == 2 else weights ** (2 - r) / (r * (2.0 - r))
        by_weight, by_bias = power_model.gradient(weights, bias, r, shares)
        pull = -by_weight / (r * weights ** (r - 1))
        values = np.concatenate([phi.reshape(records, -1), bias], axis=1)
        rates = np.concatenate([pull.reshape(records, -1), -by_bias], axis=1)
        time, loss = flow["time"].to_numpy(), flow["loss"].to_numpy()
        fall = -((by_weight**2).sum(axis=(1, 2)) + (by_bias**2).sum(axis=1)) / loss
        log_loss = CubicHermiteSpline(time, np.log(loss), fall)
        return cls(r, np.sign(weights[0]), CubicHermiteSpline(time, values, rates), log_loss)

    @property
    def end(self) -> float:
        """Time of the last record."""
        return float(self.spline.x[-1])

    def at(self, time: Array) -> tuple[Array, Array]:
        """Weights (n, k, k) and biases (n, k) at times (n,) between the start and the end."""
        k, r = len(self.sign), self.degree
        values = self.spline(time)
        phi, bias = values[:, : k * k].reshape(-1, k, k), values[:, k * k :]
        size = np.exp(2.0 * phi) if r == 2 else np.abs(phi * (r * (r - 2.0))) ** (-1.0 / (r - 2.0))
        return self.sign * size, bias

    def time_at_loss(self, loss: Array) -> Array:
        """The time (n,) at which the flow's loss is `loss`, its first or last time where it never is."""
        wanted, known = np.log(np.maximum(loss, np.finfo(float).tiny)), self.log_loss
        time = np.interp(-wanted, -known(known.x), known.x)
        for _ in range(3):  # Newton
            time = np.clip(time - (known(time) - wanted) / known(time, 1), known.x[0], known.x[-1])
        return np.asarray(time)
