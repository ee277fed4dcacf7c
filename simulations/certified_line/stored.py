"""A certificate as JSON, whole or while it grows. Floats are written so that they come back bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mli_theory.certificates.relu_line.cells import UNDECIDED, Cells
from simulations.certified_line.result import CertifiedLine
from simulations.runtime.atomic_files import atomic_path

__all__ = ["from_json", "read_unfinished", "to_json", "write"]

STATEMENT = "T15, the certified line: the class that leads alone at every real alpha of a cell"
FORMAT = 1


def to_json(certificate: CertifiedLine) -> str:
    """The certificate; one of fewer samples than labels is an unfinished one."""
    cells = certificate.cells
    starts = np.searchsorted(cells.sample, np.arange(certificate.n_samples + 1))
    done = int(cells.sample[-1]) + 1 if len(cells.sample) else 0
    samples = [_one_sample(cells, slice(starts[i], starts[i + 1])) for i in range(done)]
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
    return json.dumps(found, separators=(",", ":"))


def _one_sample(cells: Cells, own: slice) -> dict[str, Any]:
    """Edges of its cells, the class of each (-1 undecided), and the candidates of the undecided ones."""
    winner = cells.winner[own]
    rest = cells.candidates[own][winner == UNDECIDED]
    return {
        "edges": [*cells.start[own].tolist(), float(cells.end[own][-1])],
        "classes": winner.tolist(),
        "candidates": [np.flatnonzero(row).tolist() for row in rest],
    }


def from_json(text: str) -> CertifiedLine:
    """What `to_json` wrote.

    Raises:
        ValueError: no certificate, a damaged one, or one that is not finished.
    """
    certificate, done = _parsed(text)
    if done < certificate.n_samples:
        raise ValueError(
            f"the certificate is unfinished, {done} of {certificate.n_samples} samples: make the same call "
            "with its file as output, which goes on from it"
        )
    return certificate


def read_unfinished(path: Path) -> tuple[CertifiedLine, int]:
    """The certificate in a file, and how many samples it has so far.

    Raises:
        ValueError: no certificate, or a damaged one.
    """
    return _parsed(path.read_text(encoding="utf-8"))


def write(path: Path, certificate: CertifiedLine) -> None:
    """Whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(to_json(certificate), encoding="utf-8")


def _parsed(text: str) -> tuple[CertifiedLine, int]:
    try:
        found = json.loads(text)
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
        )
    except (json.JSONDecodeError, KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise ValueError(f"this is no certificate of a line, or a damaged one: {error}") from error
    return certificate, len(found["samples"])


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
