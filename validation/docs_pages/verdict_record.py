"""What is kept of a report: verdicts and the numbers that the pages in docs/ show, a few kilobytes of JSON.

A record is made from `validation.report.report_data`'s data. The pages are written from it alone, so that the
committed pages can be compared, byte for byte, with those that the committed records give.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validation.text.mean_intervals import mean_interval, seed_range

__all__ = ["record_of"]

_CLAIM = ("id", "title", "statement", "scope", "verdict", "missing", "p_support", "p_against", "p_holm")
_CHECK = ("hypothesis", "state", "met", "of", "smallest", "largest")
_CRITERION = ("key", "about", "measures", "side", "threshold", "unit", "only_with", "judged", "mean")
# The evidence that `validation.docs_pages.failures_page` shows, and of which arms besides the star's.
_EVIDENCE: dict[str, dict[str, tuple[str, ...]]] = {
    "C1": {"loss": ("depth_and_bias/",), "error": ("depth_and_bias/",)},
    "C2": {"rank_correlation_with_steps_over_the_hardness_arms_of_one_seed": ()},
    "C3": {
        "loss_linear_minus_homogeneous": (),
        "loss_linear_minus_homogeneous_bias_in_all_layers": (),
        "error_linear_minus_homogeneous_bias_in_all_layers": (),
    },
    "C4": {"degree_of_the_signal_at_the_trained_end": ("depth_and_bias/depth=10",)},
    "C5": {
        "plateau_end_measured_and_predicted": ("imposed_bias/", "initial_scale/", "depth_and_bias/depth="),
        "loss_dose_and_response": (),
        "error_dose_and_response": (),
        "held_by_one_class": ("depth_and_bias/depth=8", "depth_and_bias/depth=10", "practical_networks/"),
    },
    "C6": {"learning_order_and_bias_order_of_networks": (), "power_model": ()},
    "C7": {"error_last_minus_none": (), "loss_last_minus_none": ()},
    "C8": {
        "predicted_height_with_zero_initial_weights": (),
        "by_arm": (
            *("imposed_bias/", "initial_scale/", "depth_and_bias/", "hardness/"),
            *("optimizers/", "width/", "retention/"),
        ),
        "T4_prime_bounds_by_arm": ("imposed_bias/",),
    },
    "C9": {
        "linear_path_by_arm": (),
        "homogeneous_path_at_the_centre": (),
        "laws_compared": ("depth_and_bias/depth=10,bias=last", "practical_networks/"),
    },
}


def record_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a report; numbers have six digits, a run of several arms counts once.

    A summary over seeds is its mean, smallest and largest number and how many there are.
    """
    return {
        "profile": data["job"]["name"],
        "runs": len({run.get("run", (run["arm"], run["seed"])) for run in data["runs"]}),
        "power_model_runs": len(data["power_model_runs"]),
        "torch": data["versions"]["torch"],
        **({"tables": _short(data["tables"])} if data.get("tables") else {}),
        "claims": [_claim(claim) for claim in data["claims"]],
    }


def _claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    criteria = [
        {key: _short(c[key]) for key in _CRITERION}
        | {
            "interval_95_percent": _short(mean_interval(c)),
            "range": _short(seed_range(c)),
            "seeds": len(c["by_seed"]) - len(c["undefined_seeds"]),
        }
        for c in claim["criteria"]
    ]
    kept = {
        key: _short(claim["evidence"][key], arms)
        for key, arms in _EVIDENCE.get(claim["id"], {}).items()
        if key in claim["evidence"]
    }
    checks = [{key: _short(check[key]) for key in _CHECK} for check in claim["checks"]]
    return {key: _short(claim[key]) for key in _CLAIM} | {
        "criteria": criteria,
        "checks": checks,
        "evidence": kept,
    }


def _short(value: Any, arms: tuple[str, ...] = ()) -> Any:
    if isinstance(value, Mapping) and "by_seed" in value:
        numbers = [number for number in value["by_seed"].values() if number is not None]
        ends = {"low": _short(min(numbers)), "high": _short(max(numbers))} if numbers else {}
        return {"mean": _short(value["mean"]), **ends, "n": len(numbers)}
    if isinstance(value, Mapping):
        return {key: _short(item, arms) for key, item in value.items() if _is_shown(key, arms)}
    if isinstance(value, list | tuple):
        return [_short(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _is_shown(key: str, arms: tuple[str, ...]) -> bool:
    """Whether it is one of these arms, or of the star, or no arm at all."""
    of_an_experiment = "/" in key and " " not in key
    return not of_an_experiment or key.startswith(arms)
