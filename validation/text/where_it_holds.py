"""The abstract's sentences, where each holds on our runs and where it does not: from verdicts and the map.

Every claim stands in one row; those that answer to no sentence in the last.

Every number is a verdict's or the map's. A claim without runs stands under "open" as not run yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import xarray as xr

from validation.regimes import LEAST_EFFECT, LONG, cell_means
from validation.text.cells_in_words import cells_in_words
from validation.text.evidence_text import number
from validation.text.judged_where import JUDGED_WHERE, verdict_there

__all__ = ["HEADINGS", "SentenceRow", "sentence_rows", "where_it_holds_markdown"]

HEADINGS = ("sentence of the abstract", "holds", "does not hold", "open")
MONOTONE = 0.01  # a rise up to this share of the fall, as in C1
_MOST_CRITERIA = {
    True: 1,
    False: 2,
    None: 2,
}  # of a claim in a cell that holds, fails, is open; its page has all
_SENTENCES = {
    "A1: both curves are monotone": ("C1",),
    "A2, A3: that is no sign of an easy problem": ("C2", "C15"),
    "A3: what one sees depends on the biases": ("C3", "C11"),
    "A4: weights and biases act differently": ("C4",),
    "A4: with unequal biases, deep networks have a plateau in loss and error": ("C5", "C10", "C12", "C14"),
    "A5: biases differ on balanced data": ("C6",),
    "A6: the same on practical networks": ("C7", "C13"),
    "beyond it: what zero initial weights would give": ("C8", "C9"),
}


@dataclass
class SentenceRow:
    """A sentence in short, and where it holds, does not, and is open: phrases with numbers."""

    sentence: str
    holds: list[str] = field(default_factory=list)
    fails: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def cells(self) -> tuple[list[str], list[str], list[str]]:
        """Behind the sentence, under `HEADINGS`."""
        return self.holds, self.fails, self.open


def sentence_rows(
    claims: Sequence[Mapping[str, Any]], dataset: xr.Dataset | None, *, numbers: bool = True
) -> list[SentenceRow]:
    """One row a sentence.

    Args:
        claims: of reports or records; those that are not among them are not run yet.
        dataset: the map (`validation.regimes.regime_map`), or None.
        numbers: False leaves the criteria's means out: which claims hold where, in few words.
    """
    known = {claim["id"]: claim for claim in claims}
    rows = [SentenceRow(sentence) for sentence in _SENTENCES]
    for row, ids in zip(rows, _SENTENCES.values(), strict=True):
        for name in ids:
            _add_claim(row, name, known.get(name), numbers)
    if dataset is not None:
        cells = cell_means(dataset)
        for optimizer, words in (("sgd", "SGD"), ("adam", "Adam")):
            if optimizer in cells["optimizer"].to_numpy():
                one = cells.sel(optimizer=optimizer)
                _add_monotone(rows[0], one, words)
                _add_plateaus(rows[4], one, words)
    return rows


def where_it_holds_markdown(
    claims: Sequence[Mapping[str, Any]], dataset: xr.Dataset | None, *, numbers: bool = True
) -> str:
    """`sentence_rows` as a Markdown table."""
    lines = [f"| {' | '.join(HEADINGS)} |", "|" + " --- |" * len(HEADINGS)]
    lines += [
        f"| {' | '.join([row.sentence, *('<br>'.join(cell) or '–' for cell in row.cells())])} |"
        for row in sentence_rows(claims, dataset, numbers=numbers)
    ]
    return "\n".join(lines) + "\n"


def _add_claim(row: SentenceRow, name: str, claim: Mapping[str, Any] | None, numbers: bool) -> None:
    where = JUDGED_WHERE[name]
    if claim is None or claim["verdict"] == "undecided: no data":
        part = _numbers(claim, held=None) if claim and numbers else ""
        row.open.append(
            f"{name} ({where})" + (f": {part}, the rest not run yet" if part else ": not run yet" * numbers)
        )
        return
    cell, held, words = {
        "supported": (row.holds, True, verdict_there(claim)),
        "refuted": (row.fails, False, verdict_there(claim)),
    }.get(claim["verdict"], (row.open, None, f"{claim['verdict']} ({where})"))
    cell.append(f"{name} {words}" + (f": {_numbers(claim, held=held)}" if numbers else ""))


def _numbers(claim: Mapping[str, Any], held: bool | None) -> str:
    """The criteria's means: those that hold, those that fail, or all; the nearest to failing first."""
    judged = [c for c in claim["criteria"] if c["judged"] and c["mean"] is not None]
    shown = sorted((c for c in judged if held is None or (_beyond(c) > 0) == held), key=_beyond)
    told = ", ".join(
        f"{c['key'].replace('_', ' ')} {number(c['mean'])} "
        f"({'>' if c['side'] == 'above' else '<'} {c['threshold']:g})"
        for c in shown[: _MOST_CRITERIA[held]]
    )
    more = len(shown) - _MOST_CRITERIA[held]
    return told + (f" and {more} more" if more > 0 else "")


def _beyond(criterion: Mapping[str, Any]) -> float:
    """How far the mean lies on the claimed side, in units of the threshold where it is not 0."""
    distance = criterion["mean"] - criterion["threshold"]
    scale = abs(criterion["threshold"]) or 1.0
    return float((distance if criterion["side"] == "above" else -distance) / scale)


def _add_monotone(row: SentenceRow, cells: xr.Dataset, words: str) -> None:
    rise = cells["loss_rise"].sel(bias="last")
    known, risen = rise.notnull(), rise > MONOTONE
    row.holds.append(
        f"map, {words}: the loss, to within {MONOTONE:g} of its fall, in "
        f"{int((known & ~risen).sum())} of {int(known.sum())} cells"
    )
    if risen.any():
        row.fails.append(f"map, {words}: the loss at {cells_in_words(risen)}")


def _add_plateaus(row: SentenceRow, cells: xr.Dataset, words: str) -> None:
    """The error's plateau by the bias, the loss's, and neither, cell by cell."""
    effect = cells["bias_makes_error_plateau"]
    known = int(effect.notnull().sum())
    loss = cells["loss_last_minus_none"] > LEAST_EFFECT
    row.holds.append(
        f"map, {words}: the bias lengthens the error's by over {LEAST_EFFECT:g} in "
        f"{int(effect.sum())} of {known} cells ({cells_in_words(effect == 1)})"
        + (f", the loss's at {cells_in_words(loss)}" if loss.any() else ", the loss's in none")
    )
    row.fails.append(
        f"map, {words}: the error's not in {int((effect == 0).sum())} cells; the loss's is long (ends after "
        f"{LONG:g}) and not the bias's in {int((cells['depth_makes_loss_plateau'] == 1).sum())}"
    )
    missed = cells["runs"].where(effect.isnull(), 0) > 0
    if missed.any():
        row.open.append(f"map, {words}: no pair of runs at {cells_in_words(missed)}")
