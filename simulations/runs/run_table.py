"""The runs of a store as a table: a header, columns in words, filters, and the same as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from simulations.runs.store_inventory import STATES, StoredRun
from simulations.runtime.names_in_words import first_of
from simulations.specs.run_spec import RunSpec

__all__ = ["COLUMNS", "matching_runs", "run_data_of", "run_table"]

# The field of a run behind each word.
COLUMNS = {
    "network": "network",
    "depth": "depth",
    "width": "width",
    "scale": "init_scale",
    "bias": "bias",
    "data": "data",
    "optimiser": "optimizer",
    "seed": "seed",
}


def matching_runs(runs: Iterable[StoredRun], wanted: Iterable[tuple[str, str]]) -> list[StoredRun]:
    """The runs that have these values.

    Args:
        runs: of a store. One whose spec cannot be read matches only where no field is asked for.
        wanted: pairs of a key and its value as text. A key is a column's word, a field of `RunSpec`, `state`
            or `name` (there the value is how it begins). An empty value is a field that is not given. A key
            that comes twice has either value.

    Raises:
        ValueError: a key that a run does not have, or a value that its field cannot have.
    """
    asked: dict[str, list[Any]] = {}
    for word, text in wanted:
        key = COLUMNS.get(word, word)
        asked.setdefault(key, []).append(text if key == "name" else _value(key, text))
    return [run for run in runs if all(_has(run, key, values) for key, values in asked.items())]


def _value(key: str, text: str) -> Any:
    if key == "state":
        if text not in STATES:
            raise ValueError(f"state must be one of {', '.join(STATES)}, got {text!r}")
        return text
    if key not in RunSpec.field_names():
        known = (*COLUMNS, "state", "name")
        raise ValueError(
            f"runs are not listed by {key!r}: choose from {first_of(known)}, or another field of a run "
            f"({first_of(name for name in RunSpec.field_names() if name not in COLUMNS.values())})"
        )
    return RunSpec.checked(key, text)


def _has(run: StoredRun, key: str, values: Sequence[Any]) -> bool:
    if key == "name":
        return any(run.name.startswith(value) for value in values)
    if key == "state":
        return run.state in values
    return run.spec is not None and getattr(run.spec, key) in values


def run_table(runs: Sequence[StoredRun]) -> list[str]:
    """A header and one line a run, in columns; the last says why a run failed, or what is amiss with it."""
    rows = [["name", "state", *COLUMNS, "remark"]]
    for run in runs:
        cells = ["–" if value is None else _text(value) for value in _values(run)]
        rows.append([run.name, run.state, *cells, _remark(run)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in lines]


def run_data_of(run: StoredRun) -> dict[str, Any]:
    """A run's name, state, remark (why it failed) and spec (None where it cannot be read), as plain data."""
    return {
        "name": run.name,
        "state": run.state,
        "remark": _remark(run),
        "other_code": run.other_code,
        "spec": None if run.spec is None else run.spec.to_dict(),
    }


def _values(run: StoredRun) -> list[Any]:
    return [None if run.spec is None else getattr(run.spec, field) for field in COLUMNS.values()]


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _remark(run: StoredRun) -> str:
    """In one line. Of a finished run `about` is a time, which is no remark."""
    if run.state in ("failed", "damaged"):
        return " ".join(run.about.split())
    return "made by other code" if run.other_code else ""
