"""What T8 to T11 say of a run of the power model, beside what its flow did: evidence for C6.

A run has `weights(record, class_index, sample)`, `bias(record, class_index)`, `loss(record)`, `time(record)`
and the attribute `degree`; its classes are of equal size, so T9 to T11 are read off its initial diagonal.
The starts are positive and full: T10 is proved for a diagonal start, T12 (signs) has nothing to say but that
all weights stay positive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from mli_theory import (
    DomainError,
    bias_gap_bounds,
    crossover_law,
    escape_schedule,
    plateau,
    plateau_law,
)
from mli_theory.power_model.flow_equations import conserved_quantities
from validation.claims.line_shape import summary
from validation.statistics import wilson_interval

__all__ = ["power_model_laws"]


def power_model_laws(runs: Sequence[xr.Dataset]) -> dict[str, Any]:
    """By theorem: sizes as summaries over seeds, and in how many runs each statement holds."""
    runs = [run for run in runs if int(run.attrs.get("degree", 0)) >= 3]
    if not runs:
        return {}
    return {
        "T8_drift_of_the_conserved_quantities_in_nats": _over(runs, _drift),
        "T9_relative_error_of_the_times_at_which_classes_are_learned": _over(runs, _schedule_error),
        "T11_plateau_end_of_the_power_model": {
            "measured": _over(runs, _measured_end),
            "measured, where the last class has not escaped": _over(runs, _held_end),
            "law (a), small scale": _over(runs, lambda run: _law_end(run, "small_scale")),
            "law (b), small loss": _over(runs, lambda run: _law_end(run, "small_loss")),
            "crossover between them": _over(runs, _crossover_end),
        },
        "statements_that_hold": {
            "T9: classes are learned in the order of their weights": _share(runs, _learned_in_order),
            "T10: the final bias order is the weight order": _share(runs, _bias_order),
            "T10: at every record after the start": _share(runs, _bias_order_always),
            "T10b: the margins are above the bound": _share(runs, _margins_above_bound),
            "T10c: the final loss order is the weight order": _share(runs, _loss_order),
            "T11: not escaped, the plateau's end lies between laws (a) and (b)": _share(
                runs, _between_the_laws
            ),
            "T11': every bias gap is below its bound": _share(runs, _gaps_below_bound),
            "T12: every weight keeps its sign": _share(runs, _signs_kept),
        },
    }


def _over(runs: Sequence[xr.Dataset], number: Callable[[xr.Dataset], float]) -> dict[str, object]:
    return summary({int(run.attrs["seed"]): _tried(number, run) for run in runs})


def _share(runs: Sequence[xr.Dataset], holds: Callable[[xr.Dataset], float]) -> dict[str, Any]:
    told = [found for found in (_tried(holds, run) for run in runs) if np.isfinite(found)]
    hits = int(sum(told))
    interval = list(wilson_interval(hits, len(told))) if told else None
    return {"runs": len(told), "hold": hits, "wilson_95_percent": interval}


def _tried(number: Callable[[xr.Dataset], float], run: xr.Dataset) -> float:
    """Answer nan where the theorem does not cover the run (a final loss above what T11 admits, ...)."""
    try:
        return float(number(run))
    except DomainError:
        return float("nan")


def _degree(run: xr.Dataset) -> int:
    return int(run.attrs["degree"])


def _diagonal(run: xr.Dataset, record: int) -> np.ndarray:
    return np.diagonal(run["weights"].isel(record=record).to_numpy())


def _weight_order(run: xr.Dataset) -> np.ndarray:
    """Classes from the largest initial diagonal weight to the smallest."""
    return np.argsort(-_diagonal(run, 0))


def _drift(run: xr.Dataset) -> float:
    rows, columns = conserved_quantities(run["weights"].to_numpy(), run["bias"].to_numpy(), _degree(run))
    return float(max(np.abs(law - law[0]).max() for law in (rows, columns)))


def _learned_times(run: xr.Dataset) -> np.ndarray:
    """When W_jj^r first passes 1 at a record, linear between records; inf where it never does."""
    time, weights = run["time"].to_numpy(), run["weights"].to_numpy()
    found = []
    for j in range(weights.shape[1]):
        signal = weights[:, j, j] ** _degree(run)
        passed = np.flatnonzero(signal > 1)
        if not passed.size or passed[0] == 0:
            found.append(float("inf") if not passed.size else float(time[0]))
            continue
        i = passed[0]
        share = (1 - signal[i - 1]) / (signal[i] - signal[i - 1])
        found.append(float(time[i - 1] + share * (time[i] - time[i - 1])))
    return np.array(found)


def _schedule_error(run: xr.Dataset) -> float:
    """The worst over the classes that both the schedule and the run learn."""
    predicted, measured = escape_schedule(_diagonal(run, 0), _degree(run)), _learned_times(run)
    both = np.isfinite(predicted) & np.isfinite(measured)
    return float(np.max(np.abs(measured[both] / predicted[both] - 1))) if both.any() else float("nan")


def _learned_in_order(run: xr.Dataset) -> bool:
    times = _learned_times(run)[_weight_order(run)]
    return bool((times[1:] >= times[:-1]).all())


def _bias_order(run: xr.Dataset, record: int = -1) -> bool:
    ordered = run["bias"].isel(record=record).to_numpy()[_weight_order(run)]
    return bool((np.diff(ordered) > 0).all())


def _bias_order_always(run: xr.Dataset) -> bool:
    return all(_bias_order(run, record) for record in range(1, run.sizes["record"]))


def _end_logits(run: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Signal (sample, class) and bias (class,) at the end."""
    signal = run["weights"].isel(record=-1).to_numpy().T ** _degree(run)
    return signal, run["bias"].isel(record=-1).to_numpy()


def _margins(run: xr.Dataset) -> np.ndarray:
    signal, bias = _end_logits(run)
    logits = signal + bias
    own = np.diagonal(logits)[:, None]
    return np.asarray((own - logits)[~np.eye(len(bias), dtype=bool)])


def _margins_above_bound(run: xr.Dataset) -> bool:
    loss = float(run["loss"][-1])
    return bool(_margins(run).min() >= -np.log(np.expm1(run.sizes["class_index"] * loss)))


def _loss_order(run: xr.Dataset) -> bool:
    signal, bias = _end_logits(run)
    logits = signal + bias
    others = np.where(np.eye(len(bias), dtype=bool), -np.inf, logits - np.diagonal(logits)[:, None])
    losses = np.log1p(np.exp(others).sum(axis=1))[_weight_order(run)]
    return bool((np.diff(losses) > 0).all())


def _measured_end(run: xr.Dataset) -> float:
    signal, bias = _end_logits(run)
    return float(plateau(signal, bias, np.arange(len(bias)), _degree(run)).end)


def _law_end(run: xr.Dataset, regime: str) -> float:
    law = plateau_law(run.sizes["class_index"], _degree(run), float(run["loss"][-1]), regime)
    return float(law.plateau_end)


def _crossover_end(run: xr.Dataset) -> float:
    law = crossover_law(_diagonal(run, 0), _degree(run), float(run["loss"][-1]))
    return float("nan") if law.escaped else float(law.plateau_end)


def _held_end(run: xr.Dataset) -> float:
    """T11 is about a last class that the bias still holds: nan where it has escaped."""
    return float("nan") if np.isnan(_crossover_end(run)) else _measured_end(run)


def _between_the_laws(run: xr.Dataset) -> float:
    low, high = sorted(_law_end(run, regime) for regime in ("small_scale", "small_loss"))
    end = _held_end(run)
    return float("nan") if np.isnan(end) else float(low <= end <= high)


def _gaps_below_bound(run: xr.Dataset) -> bool:
    bias = run["bias"].isel(record=-1).to_numpy()
    start, loss = run["weights"].isel(record=0).to_numpy(), float(run["loss"][-1])
    bounds = bias_gap_bounds(start, _degree(run), loss)
    return bool((bias < bounds.bias).all() and np.ptp(bias) < bounds.gap)


def _signs_kept(run: xr.Dataset) -> bool:
    weights = run["weights"].to_numpy()
    return bool((np.sign(weights) == np.sign(weights[0])).all())
