"""The report as data: every number behind every verdict, strict JSON, the same bytes for the same runs."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import xarray as xr

from simulations.runtime.atomic_files import atomic_path, writable_folder
from validation.claims.hypotheses import Check
from validation.claims.observations import class_counts
from validation.claims.scope_text import scope_text
from validation.docs_pages.verdict_record import record_of
from validation.docs_pages.write_pages import pages_of
from validation.job.main_job import Outcome
from validation.judgement.judging import LEVEL, CriterionPrediction, CriterionResult, Verdict
from validation.report.report_markdown import report_markdown
from validation.text.evidence_text import evidence_markdown
from validation.text.plain_data import plain, strict_json

__all__ = ["CENTRE_CHOICE", "REPORT_FILES", "report_data", "write_report"]

CENTRE_CHOICE = (
    "The star's centre (depth 8, bias in the last layer, init_scale 0.5) was chosen because it shows a "
    "plateau, in a pilot with the seeds 0 to 7; these are not counted."
)
_LIBRARIES = ("mli-plateau", "torch", "numpy", "scipy", "xarray", "scikit-learn", "matplotlib")


REPORT_FILES = ("report.md", "evidence.md", "report.json")
"""What `write_report` writes at least."""


def write_report(folder: Path | str, outcome: Outcome) -> dict[str, Any]:
    """Write report.json, report.md, evidence.md and, of a job with the star, the pages of docs/.

    The data of report.json is returned.
    """
    folder = writable_folder(folder)
    data = report_data(outcome)
    pages = {
        "report.md": report_markdown(data),
        "evidence.md": evidence_markdown(data["claims"]),
        "report.json": strict_json(data),
    }
    if "protocol" in data["job"]:  # the pages of docs/ tell of the star's claims
        pages |= pages_of({data["job"]["name"]: record_of(data)})
    for name, text in pages.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return data


def report_data(outcome: Outcome) -> dict[str, Any]:
    """The report as nested dicts and lists of words, finite numbers and None (for what is undefined)."""
    data: dict[str, Any] = plain(
        {
            "job": outcome.settings(),
            "centre": CENTRE_CHOICE if outcome.job.judged else "",
            "level": LEVEL,
            "claims": [_claim(verdict) for verdict in outcome.verdicts],
            "versions": {"python": platform.python_version()} | {name: _version(name) for name in _LIBRARIES},
            "torch_threads_of_a_run": sorted({int(run.attrs["threads"]) for run in outcome.runs}),
            "runs": [_run(run) for run in outcome.runs],
            "tables": [
                {
                    "experiment": name,
                    "runs": int(table.attrs["n_runs"]),
                    "planned": int(table.attrs["planned_runs"]),
                    "seeds": str(table.attrs["seeds"]),
                    "made": str(table.attrs["made"]),
                }
                for name, table in outcome.observations.tables.items()
            ],
            "left_out": [
                {"arm": out.arm, "seed": out.seed, "reason": out.reason}
                for out in outcome.observations.left_out
            ],
            "power_model_runs": [
                {"seed": int(run.attrs["seed"]), "final_loss": float(run["loss"][-1])}
                for run in outcome.observations.power_model
            ],
        }
    )
    return data


def _claim(verdict: Verdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "id": claim.id,
        "title": claim.title,
        "statement": claim.statement,
        "source": claim.source,
        "scope": scope_text(claim),
        "hypotheses": claim.hypotheses,
        "prediction": claim.prediction,
        "rule": claim.rule,
        "needs": claim.needs,
        "n_seeds_needed": claim.n_seeds,
        "level": LEVEL,
        "verdict": verdict.verdict,
        "missing": verdict.missing,
        "p_support": verdict.p_support,
        "p_against": verdict.p_against,
        "p_holm": verdict.p_holm,
        "criteria": [_criterion(result) for result in verdict.results],
        "left_out_criteria": [
            {"key": criterion.key, "only_with": criterion.only_with} for criterion in verdict.left_out()
        ],
        "checks": [_check(check) for check in verdict.checks],
        "evidence": verdict.evidence,
    }


def _criterion(result: CriterionResult) -> dict[str, Any]:
    criterion = result.criterion
    return {
        "key": criterion.key,
        "about": criterion.about,
        "measures": criterion.measures,
        "side": criterion.side,
        "threshold": criterion.threshold,
        "effect_size": criterion.effect_size,
        "unit": criterion.unit,
        "reason": criterion.reason,
        "can_refute": criterion.can_refute,
        "by_seed": result.by_seed,
        "undefined_seeds": result.undefined_seeds,
        "mean": result.mean,
        "interval_95_percent": result.interval,
        "p_support": result.p_support,
        "p_against": result.p_against,
        "judged": result.judged,
        "only_with": criterion.only_with,
        "predicted": {law: _prediction(found) for law, found in result.predicted.items()},
    }


def _prediction(prediction: CriterionPrediction) -> dict[str, Any]:
    return {
        "by_seed": prediction.by_seed,
        "mean": prediction.mean,
        "interval_95_percent": prediction.interval,
        "measured_minus_predicted": prediction.difference,
        "measured_minus_predicted_interval_95_percent": prediction.difference_interval,
    }


def _check(check: Check) -> dict[str, Any]:
    sizes = list(check.size.values())
    return {
        "hypothesis": check.hypothesis,
        "how": check.how,
        "state": check.state,
        "met": check.met,
        "of": check.of,
        "smallest": min(sizes, default=None),
        "largest": max(sizes, default=None),
        "mean": sum(sizes) / len(sizes) if sizes else None,
    }


def _run(run: xr.Dataset) -> dict[str, Any]:
    attributes = ("arm", "seed", "depth", "bias_mode", "init_scale", "status", "threads", "data", "data_hash")
    of_the_store = ("run", "experiment", "form", "network", "batch_norm", "learning_rate", "code", "device")
    numbers = {name: run[name].item() for name in ("epochs", "steps", "end_loss") if name in run}
    numbers["n_samples"] = int(class_counts(run).sum())
    found = {name: run.attrs[name] for name in attributes}
    return found | {name: run.attrs[name] for name in of_the_store if name in run.attrs} | numbers


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
