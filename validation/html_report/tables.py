"""Every table of the report as rows, and each as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from simulations.runtime.atomic_files import atomic_path, writable_folder
from simulations.runtime.spreadsheet_text import spreadsheet_text
from validation.text.mean_intervals import mean_interval

__all__ = ["report_tables", "write_tables"]

Rows = list[dict[str, Any]]

_CRITERION = (
    "key",
    "about",
    "measures",
    "side",
    "threshold",
    "effect_size",
    "unit",
    "mean",
    "p_support",
    "p_against",
    "can_refute",
    "reason",
)


def report_tables(data: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> dict[str, Rows]:
    """Rows by table: verdicts, criteria, by_seed, further_numbers, runs, left_out, lines, provenance.

    `further_numbers` holds all that is nested, one number or word a row, under its path of keys: a claim's
    evidence and whatever else the report says of it.
    """
    verdicts, criteria, by_seed, further = [], [], [], []
    for claim in data["claims"]:
        name = {"claim": claim["id"]}
        words = {key: value for key, value in claim.items() if not isinstance(value, Mapping | list)}
        verdicts.append(words)
        for criterion in claim["criteria"]:
            low, high = mean_interval(criterion) or (None, None)
            row = name | {key: criterion.get(key) for key in _CRITERION}
            criteria.append(row | {"interval_low": low, "interval_high": high})
            by_seed += [
                name | {"criterion": criterion["key"], "seed": seed, "value": value}
                for seed, value in criterion["by_seed"].items()
            ]
        nested = {key: value for key, value in claim.items() if key not in words and key != "criteria"}
        further += [name | {"number": path, "value": value} for path, value in _leaves(nested)]
    known = ("claims", "runs", "left_out")
    provenance = {key: value for key, value in data.items() if key not in known}
    return {
        "verdicts": verdicts,
        "criteria": criteria,
        "by_seed": by_seed,
        "further_numbers": further,
        "runs": [dict(row) for row in data.get("runs", [])],
        "left_out": [dict(row) for row in data.get("left_out", [])],
        "lines": [row for line in lines for row in _line_rows(line)],
        "provenance": [{"what": path, "value": value} for path, value in _leaves(provenance)],
    }


def write_tables(folder: Path, tables: Mapping[str, Rows]) -> None:
    """Write `folder/<table>.csv`, a header line first; what is undefined is empty. No file without rows."""
    writable_folder(folder)
    for name, rows in tables.items():
        if not rows:
            (folder / f"{name}.csv").unlink(missing_ok=True)  # of an earlier report
            continue
        columns = list(dict.fromkeys(key for row in rows for key in row))
        with (
            atomic_path(folder / f"{name}.csv") as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(
                {
                    key: spreadsheet_text(value) if isinstance(value, str) else value
                    for key, value in row.items()
                }
                for row in rows
            )


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every number and word of nested mappings and lists, with its keys joined by slashes."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}/{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}/{index}")
    else:
        yield path, value


def _line_rows(line: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for i, alpha in enumerate(line["alpha"]):
        row = {key: line[key] for key in ("arm", "path", "seeds")} | {"alpha": alpha}
        for quantity in ("loss", "error"):
            row |= {f"{quantity}_{key}": values[i] for key, values in line[quantity].items()}
        yield row
