"""A diagnosis as one page that can be mailed: the line and what it would be otherwise, accounts, layers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import ArrayLike

from simulations.runtime.atomic_files import atomic_path, writable_folder
from validation.diagnosis.accounts import Diagnosis, LineEnds
from validation.diagnosis.report import (
    ACCOUNTS_SAY,
    CLASSES_SAY,
    CURVES_SAY,
    diagnosis_data,
    diagnosis_tables,
    layers_say,
)
from validation.html_report.blocks import blocks
from validation.html_report.page import filled
from validation.text.plain_data import plain

__all__ = ["DIAGNOSIS_PAGE", "write_diagnosis_page"]

DIAGNOSIS_PAGE = "report.html"
_OWN = "linear"


def write_diagnosis_page(
    folder: Path | str, found: Diagnosis, *, certificate: Sequence[tuple[str, str]] = ()
) -> Path:
    """Write `folder/report.html`: one file that opens anywhere, without a network.

    The same diagnosis gives the same bytes.

    Args:
        folder: made if need be.
        found: of `validation.diagnosis.diagnose`.
        certificate: what is proved of the line, (name, words) a row; empty where none was made.

    Returns:
        The page's path.

    Raises:
        OSError: the folder cannot be written.
    """
    data = diagnosis_data(found)
    tables = diagnosis_tables(data)
    text = filled(
        "diagnosis.html",
        ("plots.js", "page.js", "figures.js", "diagnosis.js"),
        plain(_numbers(found)),
        verdict=[_strong(sentence) for sentence in data["verdict"]],
        cause=data["cause"],
        data=data,
        tables=tables,
        accounts_say=ACCOUNTS_SAY,
        curves_say=CURVES_SAY,
        classes_say=CLASSES_SAY,
        layers_say=layers_say(data),
        roles=blocks({key: value for key, value in data["roles"].items() if key != "in_words"}),
        certificate=[list(row) for row in certificate],
        made=blocks({"curves": data["curves"]}),
        lines=_order(found),
    )
    path = writable_folder(folder) / DIAGNOSIS_PAGE
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _order(found: Diagnosis) -> list[str]:
    """The names of the curves that are drawn, the network's own first."""
    names = [str(name) for name in found.curves["counterfactual"].to_numpy()]
    return [
        _OWN,
        *(name for name in names if name != _OWN),
        *(["theory"] if found.theory is not None else []),
    ]


def _numbers(found: Diagnosis) -> dict[str, Any]:
    alphas = found.curves["alpha"].to_numpy()
    lines = []
    for name in _order(found):
        if name == "theory":
            assert found.theory is not None
            loss, error = np.asarray(found.theory.loss), np.asarray(found.theory.error, dtype=float)
            grid, ends = found.theory.alphas, found.theory_ends
        else:
            one = found.curves.sel(counterfactual=name)
            loss, error = one["loss"].to_numpy(), one["error"].to_numpy().astype(float)
            grid, ends = alphas, found.ends[name]
        if name in ("theory", "zero start"):  # all logits tie at 0, which is an error by rule
            error = np.where(grid == 0, np.nan, error)
        lines.append(
            {
                "name": name,
                "alpha": _short(grid),
                "loss": _short(loss),
                "error": _short(error),
                "ends": _pair(ends),
            }
        )
    accounts = [
        {"name": name, "value": _pair(value), "error": _pair(found.account_errors[name])}
        for name, value in found.accounts.items()
    ]
    return {
        "lines": lines,
        "accounts": accounts,
        "retention": {} if found.law is None else found.law.retention,
    }


def _pair(ends: LineEnds | None) -> dict[str, float | None]:
    return {
        quantity: None if ends is None else _short([getattr(ends, quantity)])[0]
        for quantity in ("error", "loss")
    }


def _short(values: ArrayLike) -> list[float | None]:
    numbers = np.asarray(values, dtype=float)
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in numbers]


def _strong(sentence: str) -> Markup:
    """A sentence of the verdict, whose **words** are strong; everything else is words."""
    return Markup(re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", str(escape(sentence))))
