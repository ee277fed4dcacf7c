"""Where gradient descent follows the flow and where it does not: step sizes, momentum, Adam (T8, T9, T10).

A path of step eta stands for time n eta, with momentum m for n eta / (1 - m). To second order it follows a
modified equation (E. Hairer, C. Lubich, G. Wanner, Geometric Numerical Integration, chapter IX),
x' = -g - h c H g with h = eta / (1 - m) and c = (1 + m) / (2 (1 - m)): the flow to first order in h, and
slower where a weight grows. Momentum's first steps lag by another h m / (1 - m). Adam has no such time.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mli_theory import power_model
from simulations.gradient_flow import descend
from simulations.gradient_flow.curvature import largest_curvature
from simulations.power_model_experiments.cases import Group, Values
from simulations.power_model_experiments.flow_path import FlowPath
from simulations.power_model_experiments.flows import learning_times, plateau_length, solve
from simulations.power_model_experiments.starts import initial_weights

__all__ = ["GROUPS", "VARIABLES", "measure"]

Array = NDArray[np.float64]

MOMENTUM = 0.9
_RTOL, _RECORDS = 1e-9, 6000
_LONGEST = 100_000  # steps

_STEPS = (
    *(("gradient descent", f) for f in (8.0, 4.0, 2.0, 1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64)),
    *(("momentum", f) for f in (1.0, 1 / 4, 1 / 16)),
    *(("adam", rate) for rate in (1e-1, 1e-2, 1e-3)),
)

GROUPS = {
    "quick": tuple(Group(4, r, (scale,), (1e-3,), methods=_STEPS) for r, scale in ((3, 0.1), (4, 0.3))),
    "full": tuple(
        Group(k, r, scales, (1e-3,), methods=_STEPS)
        for k in (2, 4, 10)
        for r, scales in ((2, (0.1,)), (3, (0.1, 0.03)), (4, (0.2, 0.1)), (5, (0.3,)))
    ),
}

VARIABLES = {
    "learning_rate": "eta",
    "n_steps": "steps taken, at most to the flow's end time (Adam: to the final loss)",
    "curvature_peak": "largest eigenvalue of the Hessian along the flow; 2 over it is the largest stable h",
    "curvature_end": "that eigenvalue at the flow's end",
    "distance_early": "largest difference of b and W^r to the flow at equal time, nats, "
    "until half the first learning time",
    "distance_arrival": "the same, from there until the curvature stays below half its peak",
    "distance_late": "the same, from there to the flow's end",
    "distance_end": "the same, at the last step before the flow's end",
    "off_path_end": "largest difference of b and W^r to the flow at equal loss, nats, at the last step",
    "first_lag": "time at which the first W_jj^r passes 1, less the flow's",
    "first_lag_predicted": "that by the modified equation: h c log(F_1 / F_0), F = dW_jj/dt there and at the "
    "start, and h m / (1 - m) of momentum",
    "row_drift": "largest change of b_i - sum_j phi(W_ij) (T8), nats, at the last step",
    "sign_changes": "weights whose sign is not the start's (T12: none along the flow)",
    "order_kept": "1 where W_jj^r passes 1 in the flow's order (nan: not yet by the last step), else 0",
    "learning_spread": "last over first time at which a W_jj^r passes 1, less 1, of classes the flow learns",
    "learning_spread_flow": "the flow's (T9)",
    "largest_bias_kept": "1 where the class of the largest bias at the last step is the flow's",
    "bias_gap": "largest bias less the second largest at the last step, nats",
    "bias_gap_flow": "the flow's at equal loss, nats",
    "plateau_end": "alpha_2 at the last step",
    "plateau_end_flow": "the flow's at equal loss",
    "loss_rises": "records at which the loss is above that of the record before",
    "finite": "1 where the path stayed finite, else 0",
}


def measure(group: Group, seed: int) -> list[Values]:
    """One row a scale and method."""
    rows: list[Values] = []
    for start in initial_weights(group, seed):
        flow = solve(start, group.degree, group.final_losses[0], rtol=_RTOL, record=_RECORDS)
        rows += [compare(flow, optimizer, step) for optimizer, step in group.methods]
    return rows


def compare(flow: xr.Dataset, optimizer: str, step: float) -> dict[str, object]:
    """One path of `descend` from the flow's start beside the flow, one run of `integrate`.

    Args:
        flow: solved at a small rtol with every step a record, weights none of which is 0.
        optimizer: "gradient descent", "momentum" or "adam".
        step: eta / (1 - m) as a fraction of the largest stable step of gradient descent, 2 over the largest
            curvature along the flow; with Adam eta itself.
    """
    degree, weights = int(flow.attrs["degree"]), flow["weights"].to_numpy()
    curvature = largest_curvature(weights, flow["bias"].to_numpy(), degree)
    momentum = MOMENTUM if optimizer == "momentum" else 0.0
    end = float(flow["time"][-1])
    if optimizer == "adam":
        rate, steps = step, _LONGEST
        path = descend(weights[0], degree, rate, float(flow["loss"][-1]), optimizer="adam", max_steps=steps,
                       record=_RECORDS)  # fmt: skip
    else:
        h = step * 2.0 / float(curvature.max())
        rate, steps = h * (1.0 - momentum), max(1, int(end / h))
        # Nothing is to stop it before the flow's end.
        path = descend(weights[0], degree, rate, float(flow["loss"][-1]) * 1e-6, momentum=momentum,
                       max_steps=steps, record=_RECORDS)  # fmt: skip
    with np.errstate(over="ignore"):
        finite = bool(np.isfinite(path["weights"].to_numpy() ** degree).all())
    finite &= str(path["status"].item()) != "diverged"
    row: dict[str, object] = {
        "learning_rate": rate,
        "n_steps": int(path["step"][-1]),
        "curvature_peak": curvature.max(),
        "curvature_end": curvature[-1],
        "finite": finite,
        "loss_rises": int((np.diff(path["loss"].to_numpy()) > 0).sum()),
    }
    if not finite:
        return row
    reference = FlowPath.from_flow(flow)
    if optimizer != "adam":
        row |= _clock(flow, curvature, reference, path) | _lag(flow, path, rate / (1.0 - momentum), momentum)
    return row | _last_step(flow, reference, path)


def _distance(one: tuple[Array, Array], other: tuple[Array, Array], degree: int) -> Array:
    """Largest difference of b and W^r (n,), nats, of states (n, k, k), (n, k)."""
    signal = np.abs(one[0] ** degree - other[0] ** degree).max(axis=(-2, -1))
    return np.asarray(np.maximum(signal, np.abs(one[1] - other[1]).max(axis=-1)))


def _clock(flow: xr.Dataset, curvature: Array, reference: FlowPath, path: xr.Dataset) -> dict[str, object]:
    """Distances at equal time, phase by phase."""
    time = path["time"].to_numpy()
    inside = time <= reference.end
    time = time[inside]
    states = path["weights"].to_numpy()[inside], path["bias"].to_numpy()[inside]
    distance = _distance(states, reference.at(time), reference.degree)
    first = np.nanmin(flow["signal_time"].to_numpy()) / 2
    last = float(flow["time"][int(np.flatnonzero(curvature >= curvature.max() / 2)[-1])])
    phases = {"early": time <= first, "arrival": (time > first) & (time <= last), "late": time > last}
    found: dict[str, object] = {
        f"distance_{name}": distance[at].max() if at.any() else np.nan for name, at in phases.items()
    }
    return found | {"distance_end": distance[-1]}


def _lag(flow: xr.Dataset, path: xr.Dataset, h: float, momentum: float) -> dict[str, object]:
    """How much later the first class is learned by its weight, and what the modified equation says."""
    r, weights = int(flow.attrs["degree"]), path["weights"].to_numpy()
    times = flow["signal_time"].to_numpy()
    first = int(np.nanargmin(times))
    found = learning_times(weights, r, path["time"].to_numpy())[first]
    at = int(np.argmin(np.abs(flow["time"].to_numpy() - times[first])))
    ends = flow["weights"].to_numpy()[[0, at]], flow["bias"].to_numpy()[[0, at]]
    speed = -power_model.gradient(*ends, r)[0][:, first, first]
    second_order = (1.0 + momentum) / (2.0 * (1.0 - momentum)) * np.log(speed[1] / speed[0])
    return {
        "first_lag": found - times[first],
        "first_lag_predicted": h * (second_order + momentum / (1.0 - momentum)),
    }


def _last_step(flow: xr.Dataset, reference: FlowPath, path: xr.Dataset) -> dict[str, object]:
    """The path's last state beside the flow's of the same loss, and what it has kept of the start."""
    r = reference.degree
    weights, bias = path["weights"].to_numpy(), path["bias"].to_numpy()
    same = reference.at(reference.time_at_loss(path["loss"].to_numpy()[-1:]))
    start, end = (power_model.conserved_quantities(weights[n], bias[n], r)[0] for n in (0, -1))
    times = [learning_times(w, r, t) for w, t in ((weights, path["step"].to_numpy()), (
        flow["weights"].to_numpy(), flow["time"].to_numpy()))]  # fmt: skip
    learned = np.isfinite(times[1])
    ours, flows = (t[learned] for t in times)
    kept = np.nan if np.isnan(ours).any() else bool((np.argsort(ours) == np.argsort(flows)).all())
    gaps = [float(np.diff(np.sort(b)[-2:])[0]) for b in (bias[-1], same[1][0])]
    return {
        "off_path_end": _distance((weights[-1:], bias[-1:]), same, r)[0],
        "row_drift": np.abs(end - start).max(),
        "sign_changes": (np.sign(weights[-1]) != np.sign(weights[0])).sum(),
        "order_kept": kept,
        "learning_spread": ours.max() / ours.min() - 1.0,
        "learning_spread_flow": flows.max() / flows.min() - 1.0,
        "largest_bias_kept": bool(np.argmax(bias[-1]) == np.argmax(same[1][0])),
        "bias_gap": gaps[0],
        "bias_gap_flow": gaps[1],
        "plateau_end": plateau_length(weights[-1], bias[-1], r)[1],
        "plateau_end_flow": plateau_length(same[0][0], same[1][0], r)[1],
    }
