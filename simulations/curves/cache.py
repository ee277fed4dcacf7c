"""Curves kept by what they are made of: never by a file's name.

The key covers the module's classes and their code, hooks, buffers and plain attributes
(`simulations.user_data.content_digest`), checkpoints, data, arguments, device, and torch's version and
threads. Code can still depend on what nobody can list (a file, a library's state), so the bits of the logits
of a few samples at both ends are part of it too: a network that computes something else there has another
key. What cannot be told apart by content is not kept, with a warning that names it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import xarray as xr

from simulations.line.moved_network import Line
from simulations.objectives.objective import Objective
from simulations.runtime.atomic_files import writable_folder
from simulations.runtime.sealed_files import DamagedFileError, read_sealed_netcdf, write_sealed_netcdf
from simulations.user_data.content_digest import ContentDigest, NotHashableError
from simulations.user_data.data_passes import Batches

__all__ = ["CurveCache", "fingerprint"]

FORMAT = 6  # of the curves; a change of the numbers or names raises it
FINGERPRINT = 16  # samples of the first batch whose logits at both ends are part of the key; or all of it


class CurveCache:
    """The curves of one call in a folder, one for each split.

    An entry is a sealed file (`simulations.runtime.sealed_files`): a damaged one is made again.

    Args:
        folder: None: nothing is read or kept.
        line: its model and data are part of the key.
        arguments: what else the curves depend on.
        objective: of the curves, None: classes (n, k).

    Raises:
        ValueError: a path that is a callable: it cannot be told from another.

    Warns:
        UserWarning: the folder cannot be written: what it holds is used, and nothing is kept.
    """

    def __init__(
        self,
        folder: Path | str | None,
        line: Line,
        arguments: Mapping[str, Any],
        objective: Objective | None = None,
    ) -> None:
        self._folder, self._line, self._arguments = folder, line, arguments
        self._objective = objective
        self._paths: dict[str, Path] = {}
        if folder is not None and callable(arguments.get("path")):
            raise ValueError(
                "cache needs a named path: a callable cannot be told from another; pass cache=None"
            )
        self._writable = folder is not None and _can_be_written(Path(folder))

    def find_all(self, splits: Mapping[str, Any], call: str) -> dict[str, xr.Dataset]:
        """The splits' curves that are there; what was evaluated for their keys is counted in the splits.

        Args:
            splits: by name, with `batches` and `evaluations`.
            call: JSON of the arguments: other words may ask for the same curve.
        """
        curves = {}
        for name, split in splits.items():
            found, evaluations = self.find(name, split.batches)
            split.evaluations += evaluations
            if found is not None:
                curves[name] = found.assign_attrs(call=call)
        return curves

    def find(self, name: str, batches: Batches) -> tuple[xr.Dataset | None, int]:
        """A split's curve, None where there is none or its file is damaged; samples evaluated for its key.

        Data that are not an `ImageDataset` are read once for their hash.

        Warns:
            UserWarning: something has no stable hash, so that the curve will not be kept; or the file there
                is damaged.
        """
        if self._folder is None:
            return None, 0
        try:
            key, evaluations = self._key(batches)
        except NotHashableError as error:
            warnings.warn(f"the curve is not kept in the cache: {error}", UserWarning, stacklevel=5)
            return None, 0
        path = self._paths[name] = Path(self._folder) / f"curve-{key}.nc"
        if not path.is_file():
            return None, evaluations
        try:
            return read_sealed_netcdf(path), evaluations
        except (OSError, DamagedFileError) as error:
            warnings.warn(f"the cache's entry is made again: {error}", UserWarning, stacklevel=5)
            return None, evaluations

    def keep(self, name: str, curve: xr.Dataset) -> None:
        """Write a split's curve with its digest, whole or not at all.

        Warns:
            UserWarning: it cannot be written; what was computed is not lost by it.
        """
        if name not in self._paths or not self._writable:
            return
        try:
            write_sealed_netcdf(self._paths[name], curve)
        except OSError as error:
            warnings.warn(f"the curve is not kept in the cache: {error}", UserWarning, stacklevel=4)

    def _key(self, batches: Batches) -> tuple[str, int]:
        """32 hex digits, and the samples evaluated for them."""
        line, digest = self._line, ContentDigest()
        digest.add([FORMAT, torch.__version__, torch.get_num_threads(), str(line.device)], "settings")
        digest.add_module(line.model, "model", weights=False)
        digest.add(dict(self._arguments), "arguments")
        calibration = line.calibration if line.buffers.measured else None
        for data in (batches, calibration):
            if data is None:
                continue
            if not data.content_hash:
                for _ in data:
                    pass
            if data.untold:
                raise NotHashableError(data.untold[0])
            digest.add(data.content_hash, "data")
        outputs, evaluations = fingerprint(line, batches, self._objective)
        digest.add(outputs, "logits")
        return digest.hexdigest(), evaluations


def _can_be_written(folder: Path) -> bool:
    """Found out before the work; no error, since the curve can be had all the same."""
    try:
        writable_folder(folder)
    except OSError as error:
        warnings.warn(f"the cache is not written: {error}", UserWarning, stacklevel=6)
        return False
    return True


def fingerprint(
    line: Line, batches: Batches, objective: Objective | None = None
) -> tuple[list[torch.Tensor], int]:
    """Logits of a few samples at both ends, or what an objective keeps of them, and the samples evaluated."""
    first = next(iter(batches))
    # Else something that the samples share might be cut with them.
    few = first.take(torch.arange(min(FINGERPRINT, len(first)))) if first.is_one_tensor() else first

    def look(alpha: float) -> torch.Tensor:
        if objective is None:
            return line.logits(alpha, few)
        output, placed = line.returned(alpha, few)
        return objective.read(output, placed, line.output).values

    with line.in_precision():
        return [look(alpha) for alpha in (0.0, 1.0)], 2 * len(few)
