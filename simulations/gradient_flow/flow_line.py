"""`line`: the power model on the segment from its start to its end, initial weights included."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from mli_theory.domain import DomainError, finite_array
from mli_theory.power_model.flow_equations import logits, loss

__all__ = ["line"]

_BLOCK = 4_000_000  # logits at a time


def line(start: xr.Dataset, end: xr.Dataset, alphas: ArrayLike) -> xr.Dataset:
    """Exact loss(alpha) in nats and error(alpha) at (1 - alpha) start + alpha end, weights and biases alike.

    start and end are records of `integrate` or `descend` (`flow.isel(record=0)`, `flow.isel(record=-1)`):
    weights ([seed,] class_index, sample), bias ([seed,] class_index), attributes degree and class_shares.
    alphas (a,) in [0, 1]; at 0 and 1 the parameters are bit for bit those given. A sample is correct when
    its label's logit is strictly the largest; samples count by class share.

    Raises:
        DomainError: shapes or degrees that disagree, alphas outside [0, 1] or not one-dimensional.
    """
    degree, shares = start.attrs.get("degree"), start.attrs.get("class_shares")
    if degree is None or degree != end.attrs.get("degree"):
        raise DomainError(f"start and end need one degree, got {degree} and {end.attrs.get('degree')}")
    at = finite_array("alphas", alphas, (None,))
    if (at < 0).any() or (at > 1).any():
        raise DomainError(f"alphas must lie in [0, 1], got {at[(at < 0) | (at > 1)][0]}")
    ends = [(_array(d, "weights"), _array(d, "bias")) for d in (start, end)]
    if ends[0][0].shape != ends[1][0].shape or ends[0][0].ndim not in (2, 3):
        raise DomainError(
            f"start and end must be one record each, of equal shape, got weights {ends[0][0].shape} "
            f"and {ends[1][0].shape}"
        )
    step = max(1, _BLOCK // ends[0][0].size)
    parts = [_evaluate(ends, at[n : n + step], int(degree), shares) for n in range(0, len(at), step)]
    losses, errors = (np.concatenate(part) for part in zip(*parts, strict=True))
    dims = ("alpha", "seed") if losses.ndim == 2 else ("alpha",)
    curves = xr.Dataset({"loss": (dims, losses), "error": (dims, errors)}, coords={"alpha": at})
    return curves.transpose(..., "alpha")


def _array(record: xr.Dataset, name: str) -> NDArray[np.float64]:
    return record[name].to_numpy()


def _evaluate(
    ends: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
    alphas: NDArray[np.float64],
    degree: int,
    shares: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weights, bias = (_between(a, b, alphas) for a, b in zip(*ends, strict=True))
    scores = logits(weights, bias, degree)  # (a, [seed,] sample, class)
    own = np.einsum("...jj->...j", scores).copy()
    np.einsum("...jj->...j", scores)[...] = -np.inf
    wrong = own <= scores.max(axis=-1)
    share = np.full(own.shape[-1], 1.0 / own.shape[-1]) if shares is None else np.asarray(shares)
    return loss(weights, bias, degree, share), wrong @ share


def _between(
    start: NDArray[np.float64], end: NDArray[np.float64], alphas: NDArray[np.float64]
) -> NDArray[np.float64]:
    a = alphas.reshape(-1, *[1] * start.ndim)
    # Not start + a (end - start): that need not be `end` at a = 1.
    return (1.0 - a) * start + a * end
