"""C6: last-layer biases differ on perfectly balanced data (A5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.hypotheses import Check, balanced_classes, check
from validation.claims.line_shape import effect, summary
from validation.claims.observations import Observations, balanced
from validation.claims.power_model_laws import power_model_laws
from validation.statistics import wilson_interval

__all__ = ["CLAIM", "learned_epochs"]


def _measure(observations: Observations) -> Measurement:
    networks = {seed: run for seed, run in observations.arm("centre").items() if balanced(run)}
    spread = {seed: float(np.std(run["bias"].to_numpy())) for seed, run in networks.items()}
    order = {int(run.attrs["seed"]): float(_smallest_takes_all(run)) for run in observations.power_model}
    evidence: dict[str, Any] = {
        "largest_minus_second_largest_bias": summary(
            {seed: float(np.diff(np.sort(run["bias"].to_numpy()))[-1]) for seed, run in networks.items()}
        ),
        "unbalanced_runs_left_out": len(observations.arm("centre")) - len(networks),
        "learning_order_and_bias_order_of_networks": _orders(observations),
    }
    if order:
        hits = int(sum(order.values()))
        evidence["power_model"] = {
            "runs": len(order),
            "largest_bias_is_smallest_weight": hits,
            "wilson_95_percent": list(wilson_interval(hits, len(order))),
            "bias_order_is_the_whole_weight_order": sum(map(_whole_order, observations.power_model)),
        } | power_model_laws(observations.power_model)
    # T10, for a diagonal start: in every run.
    predicted = {"power_model_order": {"diagonal start (T10)": dict.fromkeys(order, 1.0)}}
    return Measurement({"network_bias_spread": spread, "power_model_order": order}, evidence, predicted)


def learned_epochs(run: xr.Dataset) -> np.ndarray:
    """(k,) the evaluated epoch from which on a class's training accuracy stays above 50 %; inf where none."""
    above = run["class_accuracy"].transpose("epoch", "class_index").to_numpy() > 0.5
    stays = np.logical_and.accumulate(above[::-1])[::-1]
    return np.where(stays.any(axis=0), run["epoch"].to_numpy()[np.argmax(stays, axis=0)], np.inf)


def _orders(observations: Observations) -> dict[str, Any]:
    """By arm of balanced data with a trained last bias: is the class learned later the one of larger bias?"""
    found: dict[str, Any] = {}
    for arm in observations.arms():
        runs = {s: run for s, run in observations.arm(arm).items() if _has_an_order(run)}
        if not runs:
            continue
        last = {seed: _last_learned_has_the_largest_bias(run) for seed, run in runs.items()}
        told = [value for value in last.values() if np.isfinite(value)]
        found[arm] = {
            "rank_correlation_of_bias_and_epoch": effect({s: _rank_correlation(r) for s, r in runs.items()}),
            "runs_with_one_class_learned_last": len(told),
            "of_them_it_has_the_largest_bias": int(sum(told)),
            "wilson_95_percent": list(wilson_interval(int(sum(told)), len(told))) if told else None,
        }
    return found


def _has_an_order(run: xr.Dataset) -> bool:
    imposed = run.attrs.get("imposed_bias_gap", "") not in ("", None)
    return (
        "class_accuracy" in run
        and not imposed
        and balanced(run)
        and float(np.ptp(run["bias"].to_numpy())) > 0
    )


def _rank_correlation(run: xr.Dataset) -> float:
    """Spearman's rho over the classes; nan where all are learned in one epoch."""
    epochs = learned_epochs(run)
    if len(np.unique(epochs)) < 2:
        return float("nan")
    return float(stats.spearmanr(run["bias"].to_numpy(), stats.rankdata(epochs)).statistic)


def _last_learned_has_the_largest_bias(run: xr.Dataset) -> float:
    epochs = learned_epochs(run)
    last = np.flatnonzero(epochs == epochs.max())
    return float("nan") if len(last) != 1 else float(last[0] == np.argmax(run["bias"].to_numpy()))


def _start_weights(run: xr.Dataset) -> np.ndarray:
    return np.diagonal(run["weights"].isel(record=0).to_numpy())


def _end_bias(run: xr.Dataset) -> np.ndarray:
    return run["bias"].isel(record=-1).to_numpy()


def _smallest_takes_all(run: xr.Dataset) -> bool:
    return bool(np.argmin(_start_weights(run)) == np.argmax(_end_bias(run)))


def _whole_order(run: xr.Dataset) -> bool:
    return bool((np.argsort(_start_weights(run)) == np.argsort(-_end_bias(run))).all())


def _check(observations: Observations) -> tuple[Check, ...]:
    return (
        balanced_classes(observations.arm("centre").values()),
        check(
            "the power model starts on the diagonal (T10)",
            "its largest off-diagonal weight over its smallest diagonal one, at the start; met at 0",
            observations.power_model,
            _off_diagonal,
            lambda value: value == 0,
        ),
        check(
            "the power model starts small (T9)",
            "its largest weight at the start; met up to 0.01",
            observations.power_model,
            lambda run: float(np.abs(run["weights"].isel(record=0)).max()),
            lambda value: value <= 0.01,
        ),
    )


def _off_diagonal(run: xr.Dataset) -> float:
    weights = np.abs(run["weights"].isel(record=0).to_numpy())
    off = weights[~np.eye(len(weights), dtype=bool)]
    return float(off.max() / np.diagonal(weights).min())


CLAIM = Claim(
    id="C6",
    title="Biases differ on balanced data",
    statement="Last-layer biases of different classes become different even on a perfectly balanced data "
    "set; in the power model the class with the smallest initial weight takes the largest.",
    source="A5; T10",
    hypotheses="Equal class sizes, checked on every run's labels. T10 is proved for a diagonal start of "
    "the power model; here its off-diagonal weights are as large as its diagonal ones. What T8 to T12 say "
    "of these runs, and whether a network's biases follow the order in which it learns its classes, is shown "
    "and not judged: A5 claims neither.",
    prediction="The trained biases of a network spread by tenths of a nat; in the power model the order "
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
            key="power_model_order",
            about="bias order of the power model",
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
    power_model=True,
    check=_check,
    needs="runs of the centre on balanced data, and of the power model",
)
