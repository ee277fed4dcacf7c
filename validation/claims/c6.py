"""C6: last-layer biases differ on perfectly balanced data (A5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.line_shape import summary
from validation.observations import Observations, balanced
from validation.statistics import wilson_interval

__all__ = ["CLAIM"]


def _measure(observations: Observations) -> Measurement:
    networks = {seed: run for seed, run in observations.arm("centre").items() if balanced(run)}
    spread = {seed: float(np.std(run["bias"].to_numpy())) for seed, run in networks.items()}
    order = {int(run.attrs["seed"]): float(_smallest_takes_all(run)) for run in observations.simple_model}
    evidence: dict[str, Any] = {
        "largest_minus_second_largest_bias": summary(
            {seed: float(np.diff(np.sort(run["bias"].to_numpy()))[-1]) for seed, run in networks.items()}
        ),
        "unbalanced_runs_left_out": len(observations.arm("centre")) - len(networks),
    }
    if order:
        hits = int(sum(order.values()))
        evidence["simple_model"] = {
            "runs": len(order),
            "largest_bias_is_smallest_weight": hits,
            "wilson_95_percent": list(wilson_interval(hits, len(order))),
            "bias_order_is_the_whole_weight_order": sum(map(_whole_order, observations.simple_model)),
        }
    return Measurement({"network_bias_spread": spread, "simple_model_order": order}, evidence)


def _start_weights(run: xr.Dataset) -> np.ndarray:
    return np.diagonal(run["weights"].isel(record=0).to_numpy())


def _end_bias(run: xr.Dataset) -> np.ndarray:
    return run["bias"].isel(record=-1).to_numpy()


def _smallest_takes_all(run: xr.Dataset) -> bool:
    return bool(np.argmin(_start_weights(run)) == np.argmax(_end_bias(run)))


def _whole_order(run: xr.Dataset) -> bool:
    return bool((np.argsort(_start_weights(run)) == np.argsort(-_end_bias(run))).all())


CLAIM = Claim(
    id="C6",
    title="Biases differ on balanced data",
    statement="Last-layer biases of different classes become different even on a perfectly balanced data "
    "set; in the simple model the class with the smallest initial weight takes the largest.",
    source="A5; T10",
    hypotheses="Equal class sizes, checked on every run's labels. T10 is proved for a diagonal start of "
    "the simple model; here its off-diagonal weights are as large as its diagonal ones.",
    prediction="The trained biases of a network spread by tenths of a nat; in the simple model the order "
    "holds in nearly every run.",
    criteria=(
        Criterion(
            key="network_bias_spread",
            about="last-layer bias",
            measures="the standard deviation over classes of the trained last-layer biases (centre, "
            "balanced data)",
            side="above",
            threshold=0.05,
            effect_size=0.1,
            unit="nats",
            reason="the smallest spread that matters: by T2 a gap of 0.05 against a signal of 10 nats "
            "(what a loss of 0.01 takes) already holds (0.05/10)^(1/7) = 0.47 of the line at depth 8",
        ),
        Criterion(
            key="simple_model_order",
            about="bias order of the simple model",
            measures="1 if the class of the smallest initial diagonal weight has the largest final bias, "
            "else 0",
            side="above",
            threshold=0.5,
            effect_size=0.9,
            unit="of the seeds",
            reason="more often than not, and twice the quarter that chance gives with four classes",
        ),
    ),
    measure=_measure,
    needs="runs of the centre on balanced data, and of the simple model",
)
