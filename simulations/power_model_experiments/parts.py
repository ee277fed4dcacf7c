"""One file for each group of cases and seed, named by what decides its numbers, so that a run can go on."""

from __future__ import annotations

import json
import os
import platform
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import xarray as xr
from threadpoolctl import threadpool_limits

from simulations.gradient_flow import FlowError
from simulations.power_model_experiments.cases import Group, Values, table
from simulations.power_model_experiments.catalogue import module_name
from simulations.runtime.netcdf import write_netcdf
from simulations.runtime.sealed_files import DamagedFileError, read_sealed_netcdf, seal

__all__ = ["THREADS", "Part", "experiment_module", "load_part", "make_part", "versions"]

THREADS = 1

# What decides the numbers besides the spec: these packages and the text of these folders.
_PACKAGES = ("numpy", "numba", "scipy", "xarray", "mli-plateau")
_CODE = (
    "mli_theory/*.py",
    "mli_theory/homogeneous_path/*.py",
    "mli_theory/power_model/*.py",
    "simulations/gradient_flow/*.py",
    "simulations/gradient_flow/solver/*.py",
    "simulations/power_model_experiments/*.py",
    "simulations/runtime/random_streams.py",
)


@dataclass(frozen=True)
class Part:
    """One group of one seed of one experiment, its per-class numbers filled up to n_classes."""

    experiment: str
    group: Group
    seed: int
    n_classes: int

    @cached_property
    def file_name(self) -> str:
        """The name that holds a digest of the part, the package versions and the code."""
        what = {"part": asdict(self), "versions": versions(), "code": _code_digest()}
        digest = blake2b(json.dumps(what, sort_keys=True).encode(), digest_size=8).hexdigest()
        return f"{self.experiment}-seed{self.seed}-{digest}.nc"


def experiment_module(experiment: str) -> ModuleType:
    """The module with the experiment's GROUPS, VARIABLES and `measure`.

    Raises:
        ValueError: an unknown experiment.
    """
    return import_module(module_name(experiment))


def make_part(folder: Path, part: Part) -> None:
    """Solve a part and write it with its digest to folder/file_name, whole or not at all.

    Where the solver gives up, the part's numbers are nan and its `failure` holds the solver's words.
    """
    module = experiment_module(part.experiment)
    cases = part.group.cases()
    values: list[Values]
    with threadpool_limits(THREADS):
        try:
            values, failure = module.measure(part.group, part.seed), ""
        except FlowError as error:
            values, failure = [{} for _ in cases], str(error)
    result = table(cases, values, module.VARIABLES, part.n_classes, part.seed)
    result["failure"] = (("seed", "case"), [[failure] * len(cases)])
    write_netcdf(folder / part.file_name, result, sealed_by=seal)


def load_part(folder: Path, part: Part) -> xr.Dataset | None:
    """The part's numbers, None where its file is absent or not what was written.

    Warns:
        UserWarning: it is there and damaged.
    """
    try:
        found = read_sealed_netcdf(folder / part.file_name)
    except FileNotFoundError:
        return None
    except (OSError, DamagedFileError) as error:
        warnings.warn(f"a part is made again: {error}", UserWarning, stacklevel=2)
        return None
    # Of fixed width they would be cut to the shortest when parts are put together.
    return found.assign_coords(start=found["start"].astype(object)).assign(
        failure=found["failure"].astype(object)
    )


@lru_cache(maxsize=1)
def _versions() -> tuple[tuple[str, str], ...]:
    return ("python", platform.python_version()), *((name, _version(name)) for name in _PACKAGES)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # a checkout that is run without being installed
        return "not installed"


def versions() -> Mapping[str, str]:
    """Versions of Python, this package and those that decide the numbers."""
    return dict(_versions())


@lru_cache(maxsize=1)
def _code_digest() -> str:
    root = Path(__file__).resolve().parents[2]
    files = [path for pattern in _CODE for path in sorted(root.glob(pattern))]
    digest = blake2b(digest_size=16)
    for path in files:
        digest.update(os.fsencode(path.name) + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
