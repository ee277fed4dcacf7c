"""All runs of the star, in parallel, one file each: an interrupted experiment can simply be run again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
import xarray as xr

from simulations.atomic_files import atomic_path, writable_folder
from simulations.datasets import ImageDataset, load
from simulations.progress import progress_bar
from simulations.star_experiment import ARMS, PROTOCOL, SEEDS, Arm, Protocol, run_one
from simulations.worker_processes import in_processes

__all__ = ["run_path", "run_star"]


def run_star(
    folder: Path | str,
    *,
    seeds: Sequence[int] = SEEDS,
    arms: Sequence[Arm] = ARMS,
    protocol: Protocol = PROTOCOL,
    processes: int = 2,
) -> list[Path]:
    """Train every arm from every seed and write `folder/curves/<arm>-seed<seed>.nc`, as soon as each is done.

    Files hold what `run_one` returns, with two more attributes: `package_version`, and `fingerprint`
    over the arm, seed, protocol, data, versions and code. A file with the right fingerprint is kept as
    it is, any other (truncated, made by other code, ...) is made again. Files appear whole or not at
    all. A run that misses the target or diverges is a result, recorded in `status`.

    Runs are spawned processes of `protocol.threads` torch threads: see `in_processes` on scripts' main guard.
    A progress bar is drawn on a terminal.

    Returns:
        The files, arm by arm in the order given, seeds within: read these, since the folder may hold
        other runs too.

    Raises:
        OSError: the folder cannot be written (found before any training).
        ValueError: no seeds or arms, the same one twice, a negative seed, or what `load` refuses.
        KeyboardInterrupt: on Ctrl-C, after the workers stopped; finished runs stay.
    """
    _check(seeds, arms)
    data = load(protocol.data, limit=protocol.limit)
    curves = writable_folder(writable_folder(folder) / "curves")
    package, fingerprints = _package_version(), {}
    jobs = [_Job(curves, arm, seed, protocol) for arm in arms for seed in seeds]
    for job in jobs:
        fingerprints[job.path] = _fingerprint(job, data, package)
    to_do = [job for job in jobs if not _is_done(job.path, fingerprints[job.path])]
    results = in_processes(
        _run_and_save,
        data,
        [(job, {"package_version": package, "fingerprint": fingerprints[job.path]}) for job in to_do],
        processes=processes,
        threads=protocol.threads,
    )
    with progress_bar() as bar, closing(results):  # type: ignore[type-var]
        task = bar.add_task("training", total=len(jobs), completed=len(jobs) - len(to_do))
        for _ in results:
            bar.advance(task)
    return [job.path for job in jobs]


def run_path(folder: Path | str, arm: Arm, seed: int) -> Path:
    """The file of one run of `run_star(folder)`."""
    return Path(folder) / "curves" / f"{arm.name}-seed{seed}.nc"


@dataclass(frozen=True)
class _Job:
    curves: Path
    arm: Arm
    seed: int
    protocol: Protocol

    @property
    def path(self) -> Path:
        return run_path(self.curves.parent, self.arm, self.seed)


def _run_and_save(data: ImageDataset, job_and_attributes: tuple[_Job, dict[str, str]]) -> None:
    job, attributes = job_and_attributes
    dataset = run_one(job.arm, job.seed, job.protocol, data).assign_attrs(attributes)
    with atomic_path(job.path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf")


def _is_done(path: Path, fingerprint: str) -> bool:
    """Whether the file is there, can be read to its end and was made by this very job."""
    try:
        return bool(xr.load_dataset(path, engine="h5netcdf").attrs.get("fingerprint") == fingerprint)
    except (OSError, ValueError, KeyError, RuntimeError):  # h5py's ways to say absent or damaged
        return False


def _fingerprint(job: _Job, data: ImageDataset, package: str) -> str:
    what = {
        "arm": asdict(job.arm),
        "seed": int(job.seed),
        "protocol": asdict(job.protocol),
        "data_hash": data.content_hash,
        "torch": str(torch.__version__),
        "package": package,
        "code": _code_hash(),
    }
    return blake2b(json.dumps(what, sort_keys=True).encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=1)
def _code_hash() -> str:
    digest = blake2b(digest_size=16)
    # A run made by other code is made again. All modules here, not a list kept by hand, which a new one that
    # makes numbers would be missing in.
    for module in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()


def _package_version() -> str:
    try:
        return version("mli-plateau")
    except PackageNotFoundError:
        return "not installed"


def _check(seeds: Sequence[int], arms: Sequence[Arm]) -> None:
    names = [arm.name for arm in arms]
    for what, values in (("seeds", list(seeds)), ("arms", names)):
        if not values:
            raise ValueError(f"the star needs at least one of its {what}, got none")
        if len(set(values)) < len(values):
            raise ValueError(f"{what} must be distinct, got {values}")
    for seed in seeds:
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ValueError(f"a seed must be an integer >= 0, got {seed!r}")
