"""A certificate as JSON, whole or while it grows. Floats are written so that they come back bit for bit.

The last entry is a digest of all others. A text without one, of an earlier version, is read (`verify` proves
it again), but no search goes on from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from mli_theory.certificates.relu_line.cells import UNDECIDED, Cells
from mli_theory.certificates.relu_line.loss import LOSS_CELLS, LossSums
from mli_theory.certificates.relu_line.settled import Change, Settled, undecided_clusters
from simulations.certified_line.certified_loss import CertifiedLoss
from simulations.certified_line.result import CertifiedLine
from simulations.runtime.atomic_files import atomic_path

__all__ = ["from_json", "read_unfinished", "sealed", "to_json", "write"]

STATEMENT = "T15, the certified line: the class that leads alone at every real alpha of a cell"
FORMAT = 2


def to_json(certificate: CertifiedLine, done: Mapping[str, int] | None = None) -> str:
    """The certificate.

    Args:
        certificate: finished or not.
        done: of how many samples each kind of what it tells is known; of all by default.
    """
    cells = certificate.cells
    starts = np.searchsorted(cells.sample, np.arange(certificate.n_samples + 1))
    known = certificate.n_samples if done is None else done["cells"]
    samples = [_one_sample(cells, slice(starts[i], starts[i + 1])) for i in range(known)]
    found: dict[str, Any] = {
        "statement": STATEMENT,
        "format": FORMAT,
        "network": certificate.network,
        "data": certificate.data,
        "path": certificate.path,
        "tolerance": certificate.tolerance,
        "rows": cells.rows,
        "label": certificate.label,
        "n_classes": certificate.n_classes,
        "labels": certificate.labels.tolist(),
        "samples": samples,
    }
    if certificate.settled is not None:
        found["settled"] = {
            "samples": certificate.n_samples if done is None else done["settled"],
            "stretches": [_one_stretch(one) for one in certificate.settled],
        }
    if certificate.loss is not None:
        sums = certificate.loss.sums
        found["loss"] = {
            "samples": sums.samples,
            "lower": sums.lower.tolist(),
            "upper": sums.upper.tolist(),
            "start": sums.start.tolist(),
        }
    return sealed(found)


def sealed(found: Mapping[str, Any]) -> str:
    """As JSON, with the digest of its entries as the last one; an old digest is replaced."""
    entries = {name: value for name, value in found.items() if name != "digest"}
    return json.dumps(entries | {"digest": _digest(entries)}, separators=(",", ":"))


def _digest(entries: Mapping[str, Any]) -> str:
    return blake2b(json.dumps(entries, separators=(",", ":")).encode(), digest_size=16).hexdigest()


def _one_sample(cells: Cells, own: slice) -> dict[str, Any]:
    """Edges of its cells, the class of each (-1 undecided), and the candidates of the undecided ones."""
    winner = cells.winner[own]
    rest = cells.candidates[own][winner == UNDECIDED]
    return {
        "edges": [*cells.start[own].tolist(), float(cells.end[own][-1])],
        "classes": winner.tolist(),
        "candidates": [np.flatnonzero(row).tolist() for row in rest],
    }


def _one_stretch(one: Settled) -> list[Any]:
    changes = [[c.lower, c.upper, c.before, c.at, c.after] for c in one.changes]
    return [one.sample, one.start, one.end, one.leaders, changes]


def from_json(text: str) -> CertifiedLine:
    """What `to_json` wrote.

    Raises:
        ValueError: no certificate, a damaged one, or one that is not finished.
    """
    certificate, done, _ = _parsed(text)
    for kind, samples in done.items():
        if samples < certificate.n_samples:
            raise ValueError(
                f"the certificate is unfinished, {kind} of {samples} of {certificate.n_samples} samples: "
                "make the same call with its file as output, which goes on from it"
            )
    return certificate


def read_unfinished(path: Path) -> tuple[CertifiedLine, dict[str, int]]:
    """The certificate in a file, and of how many samples each kind of what it tells is known so far.

    Raises:
        ValueError: no certificate, a damaged one, or one without a digest.
    """
    certificate, done, has_digest = _parsed(path.read_text(encoding="utf-8"))
    if not has_digest:
        raise ValueError(
            "the certificate has no digest, an earlier version wrote it: choose another file, or remove it"
        )
    return certificate, done


def write(path: Path, certificate: CertifiedLine, done: Mapping[str, int]) -> None:
    """Whole or not at all; `done` as in `to_json`."""
    with atomic_path(path) as temporary:
        temporary.write_text(to_json(certificate, done), encoding="utf-8")


def _parsed(text: str) -> tuple[CertifiedLine, dict[str, int], bool]:
    """The certificate, of how many samples each kind is known, and whether it has a digest, which agrees."""
    try:
        found = json.loads(text)
        digest = found.pop("digest", None)
        if digest is not None and digest != _digest(found):
            raise ValueError("its digest is another")
        if found["statement"] != STATEMENT or found["format"] != FORMAT:
            raise KeyError("format")
        cells = _cells(found)
        labels = np.array(found["labels"], np.int64)
        certificate = CertifiedLine(
            cells=cells,
            labels=labels,
            label=None if found["label"] is None else int(found["label"]),
            path=str(found["path"]),
            tolerance=float(found["tolerance"]),
            network=str(found["network"]),
            data=str(found["data"]),
            settled=_settled(found),
            loss=_loss(found),
        )
        done = {"cells": len(found["samples"])}
        if certificate.settled is not None:
            done["settled"] = int(found["settled"]["samples"])
            _check_stretches(cells.take(cells.sample < done["settled"]), certificate.settled)
        if certificate.loss is not None:
            done["loss"] = certificate.loss.sums.samples
    except (json.JSONDecodeError, KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise ValueError(f"this is no certificate of a line, or a damaged one: {error}") from error
    return certificate, done, digest is not None


def _check_stretches(cells: Cells, settled: tuple[Settled, ...]) -> None:
    """They are those of the undecided cells, and what they tell is in order."""
    there = [
        (int(cells.sample[cluster[0]]), float(cells.start[cluster[0]]), float(cells.end[cluster[-1]]))
        for cluster in undecided_clusters(cells)
    ]
    if there != [(one.sample, one.start, one.end) for one in settled]:
        raise ValueError("settled stretches do not fit the undecided cells")
    for one in settled:
        edges = [
            one.start,
            *(edge for change in one.changes for edge in (change.lower, change.upper)),
            one.end,
        ]
        leaders = [one.leaders, *(change.after for change in one.changes)]
        told = [change.before for change in one.changes]
        if min(edges) < one.start or max(edges) > one.end or leaders[:-1] != told:
            raise ValueError("the changes of a settled stretch do not follow one another")


def _loss(found: dict[str, Any]) -> CertifiedLoss | None:
    if "loss" not in found:
        return None
    told = found["loss"]
    lower, upper, start = (np.array(told[name], np.float64) for name in ("lower", "upper", "start"))
    if lower.shape != (LOSS_CELLS,) or upper.shape != (LOSS_CELLS,) or start.shape != (2,):
        raise ValueError("the loss's cells do not fit")
    if not ((lower <= upper).all() and start[0] <= start[1]):
        raise ValueError("a lower bound of the loss is above its upper bound")
    return CertifiedLoss(LossSums(int(told["samples"]), lower, upper, start))


def _settled(found: dict[str, Any]) -> tuple[Settled, ...] | None:
    if "settled" not in found:
        return None
    return tuple(
        Settled(
            int(sample),
            float(start),
            float(end),
            tuple(leaders),
            tuple(
                Change(float(lower), float(upper), tuple(before), tuple(at), tuple(after))
                for lower, upper, before, at, after in changes
            ),
        )
        for sample, start, end, leaders, changes in found["settled"]["stretches"]
    )


def _cells(found: dict[str, Any]) -> Cells:
    n_classes, samples = int(found["n_classes"]), found["samples"]
    edges = [np.array(sample["edges"], np.float64) for sample in samples]
    counts = [len(one) - 1 for one in edges]
    winner = np.concatenate(
        [np.array(sample["classes"], np.int64) for sample in samples] or [np.zeros(0, np.int64)]
    )
    if len(winner) != sum(counts) or (winner < UNDECIDED).any() or (winner >= n_classes).any():
        raise ValueError("classes do not fit the cells")
    candidates = np.zeros((len(winner), n_classes), bool)
    decided = winner != UNDECIDED
    candidates[np.flatnonzero(decided), winner[decided]] = True
    rest = [classes for sample in samples for classes in sample["candidates"]]
    for row, classes in zip(np.flatnonzero(~decided), rest, strict=True):
        candidates[row, classes] = True
    empty = [np.zeros(0)]
    cells = Cells(
        np.repeat(np.arange(len(samples)), counts),
        np.concatenate([one[:-1] for one in edges] or empty),
        np.concatenate([one[1:] for one in edges] or empty),
        winner,
        candidates,
        rows=int(found["rows"]),
    )
    if samples and not cells.tile(len(samples)):
        raise ValueError("cells do not tile [0, 1]")
    return cells
