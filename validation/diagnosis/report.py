"""A diagnosis as files: report.md and report.json from the same data, and the curves."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich import box
from rich.table import Table

from simulations.models.roles import roles_in_words
from simulations.runtime.atomic_files import atomic_path, writable_folder
from simulations.runtime.netcdf import write_netcdf
from validation.diagnosis.accounts import HOMOGENEOUS_BIAS, Diagnosis, LineEnds
from validation.diagnosis.counterfactuals import COUNTERFACTUALS
from validation.diagnosis.verdict import cause, causes, changed, verdict
from validation.text.evidence_text import number
from validation.text.plain_data import plain, strict_json

__all__ = [
    "ACCOUNTS_SAY",
    "CLASSES_SAY",
    "CURVES_SAY",
    "DIAGNOSIS_FILES",
    "WordTable",
    "account_table",
    "diagnosis_data",
    "diagnosis_markdown",
    "diagnosis_tables",
    "layers_say",
    "write_diagnosis",
]

_ACCOUNTS = {
    "last-layer bias": "the line less the line without the last-layer bias",
    HOMOGENEOUS_BIAS: "the line less the line whose last-layer bias moves at alpha^r, both ends as they are",
    "other biases": "the line less the line without the other biases",
    "depth": "the line less logits that move straight from the start's bias to the trained ones",
    "initialisation": "the line less the line from zero parameters",
}


ACCOUNTS_SAY = (
    "How much longer (in alpha; negative: shorter) each cause makes the two plateaus. Each changes one "
    "thing and leaves the rest; causes interact, so the numbers do not add up. After ±: the standard "
    "error over samples, the network being fixed."
)
CURVES_SAY = (
    "Ends of the plateaus: the first alpha at which a tenth of the fall is spent; a dash is a curve that "
    "does not fall."
)
CLASSES_SAY = (
    "The alpha from which on at least half of a class's samples are correct; a dash: never, or it has "
    "no sample."
)

DIAGNOSIS_FILES = ("report.md", "report.json", "curves.nc")
"""What `write_diagnosis` writes into its folder."""


def write_diagnosis(folder: Path | str, found: Diagnosis) -> dict[str, Any]:
    """Write report.md, report.json and curves.nc into a folder; the report's data is returned.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = writable_folder(folder)
    data = diagnosis_data(found)
    for name, text in (("report.md", diagnosis_markdown(data)), ("report.json", strict_json(data))):
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    write_netcdf(folder / "curves.nc", found.curves)
    return data


def diagnosis_data(found: Diagnosis) -> dict[str, Any]:
    """The diagnosis as nested dicts and lists of words, finite numbers and None (for what is undefined)."""
    law = found.law
    data: dict[str, Any] = plain(
        {
            "notes": found.notes,
            "roles": {"in_words": roles_in_words(found.roles), **dataclasses.asdict(found.roles)},
            "left_out": found.left_out,
            "outside_the_theory": found.outside,
            "error_moved_at_the_end": {
                name: {"by": by, "standard_error": error, "counts": not changed(found, name)}
                for name, (by, error) in found.end_changes.items()
            },
            "cause": cause(found),
            "causes": causes(found),
            "verdict": verdict(found),
            "accounts": {name: _pair(ends) for name, ends in found.accounts.items()},
            "account_standard_errors": {name: _pair(e) for name, e in found.account_errors.items()},
            "plateau_ends": {name: _pair(ends) for name, ends in found.ends.items()},
            "end_of_each": {
                str(name): {
                    quantity: float(found.curves[quantity].sel(counterfactual=name)[-1])
                    for quantity in ("error", "loss")
                }
                for name in found.curves["counterfactual"].to_numpy()
            },
            "theory_ends": None if found.theory_ends is None else _pair(found.theory_ends),
            "degree": found.degree,
            "homogeneity": found.homogeneity,
            "effective_degree": None if law is None else law.effective_degree,
            "degree_by_layer": {} if law is None else law.degree_by_layer,
            "retention": {} if law is None else law.retention,
            "gain_law_applies": law is not None and law.applies,
            "gain_law_reason": found.left_out["depth"] if law is None else law.reason,
            "largest_bias": found.largest_bias,
            "half_correct": found.half_correct,
            "half_correct_in_theory": found.theory_half_correct,
            "curves": found.curves.attrs,
        }
    )
    return data


def _measured_as(data: dict[str, Any], name: str) -> str:
    if name in data["left_out"]:
        return f"left out: {data['left_out'][name]}"
    if _counts(data, name):
        return _ACCOUNTS[name]
    end = data["error_moved_at_the_end"][name]
    return (
        f"{_ACCOUNTS[name]}; not counted: that moves the error at alpha = 1 by {number(end['by'])} ± "
        f"{number(end['standard_error'])}, so it is another trained network"
    )


def _counts(data: dict[str, Any], name: str) -> bool:
    """Whether an account may be the plateau's cause: what it changes leaves the trained network as it is."""
    end = data["error_moved_at_the_end"].get(name)
    return end is None or bool(end["counts"])


def diagnosis_markdown(data: dict[str, Any]) -> str:
    """report.md; the notes come first."""
    tables = diagnosis_tables(data)
    lines = [*(f"{note}\n" for note in data["notes"]), "# Why this line looks as it does\n"]
    lines += [f"{sentence}\n" for sentence in data["verdict"]]
    lines += [
        f"Found: {data['roles']['in_words']}. Another choice is made by `--bias` and `--last-layer` "
        "(`biases=`, `last_layer=`).\n"
    ]
    lines += [
        "![Loss and error of the line and its counterfactuals](figures/diagnosis.png)\n",
        "## What accounts for the plateau\n",
        f"{ACCOUNTS_SAY}\n",
        *_markdown(tables["accounts"]),
        "\n## The curves\n",
        f"{CURVES_SAY}\n",
        *_markdown(tables["curves"]),
        "\n## Layers\n",
        f"{layers_say(data)}\n",
        *_markdown(tables["layers"]),
        "\n## Classes, the last to be learned on the line first\n",
        f"{CLASSES_SAY}\n",
        *_markdown(tables["classes"]),
    ]
    return "\n".join(lines) + "\n"


def _markdown(table: WordTable) -> list[str]:
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    # An empty last cell of the head has always been written without a space.
    return [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows]


class WordTable(NamedTuple):
    """A table in words: the head, and a list of cells a row."""

    columns: list[str]
    rows: list[list[str]]


def diagnosis_tables(data: dict[str, Any]) -> dict[str, WordTable]:
    """The tables of a report by name: accounts, curves, layers, classes.

    Args:
        data: of `diagnosis_data`.
    """
    return {
        "accounts": WordTable(
            ["cause", "error", "loss", "measured as"],
            [
                [name, _account(data, name, "error"), _account(data, name, "loss"), _measured_as(data, name)]
                for name in _ACCOUNTS
            ],
        ),
        "curves": WordTable(
            [
                "",
                "error's plateau ends",
                "loss's plateau ends",
                "error at alpha = 1",
                "loss at alpha = 1 (nats)",
                "",
            ],
            _curve_rows(data),
        ),
        "layers": WordTable(
            ["layer", "its part of the effective degree", "retention of its weight"],
            [
                [layer or "the model", number(part), number(_retention(data, layer))]
                for layer, part in data["degree_by_layer"].items()
            ],
        ),
        "classes": WordTable(["class", "measured", "theory for zero initial weights"], _class_rows(data)),
    }


def layers_say(data: dict[str, Any]) -> str:
    """The effective degree, and whether the gain law applies."""
    return (
        f"Effective degree {number(data['effective_degree'])} of {number(data['homogeneity'])} from zero. "
        f"The gain law: {data['gain_law_reason']}."
    )


def account_table(data: dict[str, Any]) -> Table:
    """The accounts for the terminal."""
    table = Table(box=box.SIMPLE_HEAD, title="How much longer each cause makes the plateaus (alpha)")
    for heading in ("cause", "error", "loss"):
        table.add_column(heading)
    for name in data["accounts"]:
        cause = name if _counts(data, name) else f"{name} (not counted)"
        table.add_row(cause, _account(data, name, "error"), _account(data, name, "loss"))
    return table


def _account(data: dict[str, Any], name: str, quantity: str) -> str:
    value, error = data["accounts"][name][quantity], data["account_standard_errors"][name][quantity]
    return number(value) if value is None or error is None else f"{number(value)} ± {number(error)}"


def _curve_rows(data: dict[str, Any]) -> list[list[str]]:
    words = COUNTERFACTUALS | {"depth one": "computed: the trained logits reached in a straight line"}
    rows = []
    for name, pair in data["plateau_ends"].items():
        last = data["end_of_each"].get(name, {"error": None, "loss": None})
        cells = [pair["error"], pair["loss"], last["error"], last["loss"]]
        rows.append([name, *map(number, cells), words[name]])
    if data["theory_ends"]:
        pair = data["theory_ends"]
        told = f"degree {data['degree']}, zero initial weights, no hidden biases"
        rows.append(["theory", number(pair["error"]), number(pair["loss"]), "–", "–", told])
    return rows


def _class_rows(data: dict[str, Any]) -> list[list[str]]:
    measured = data["half_correct"]
    theory = data["half_correct_in_theory"] or [None] * len(measured)
    order = sorted(range(len(measured)), key=lambda c: (measured[c] is not None, -(measured[c] or 0.0), c))
    bias = data["largest_bias"]
    return [
        [f"{c}{' (largest last-layer bias)' if c == bias else ''}", number(measured[c]), number(theory[c])]
        for c in order
    ]


def _retention(data: dict[str, Any], layer: str) -> float | None:
    own = [value for name, value in data["retention"].items() if name.rpartition(".")[0] == layer]
    return float(np.mean(own)) if own and None not in own else None


def _pair(ends: LineEnds) -> dict[str, float]:
    return {"error": ends.error, "loss": ends.loss}
