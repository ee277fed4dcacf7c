"""Where a run's numbers come from: code, versions, machine, time."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

__all__ = ["code_hash", "package_version", "provenance"]

_PACKAGE = Path(__file__).resolve().parents[1]  # simulations/, all rooms of it
LIBRARIES = (
    "numpy",
    "scipy",
    "torch",
    "xarray",
    "netCDF4",
    "safetensors",
    "scikit-learn",
)


def provenance(device: str) -> dict[str, Any]:
    """What made a run in this process, as plain words and numbers.

    `package` (this one's version), `code` (`code_hash`), `commit` (of the source's own git repository, with
    "+" where files differ from it, or ""), `versions` of Python and of the libraries that make numbers or
    files, `device`, `device_name`, `threads`, `system`, `host`, `time` (UTC).
    """
    return {
        "package": package_version(),
        "code": code_hash(),
        "commit": _commit(),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES},
        "device": device,
        "device_name": _device_name(device),
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        "host": platform.node(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@lru_cache(maxsize=1)
def package_version() -> str:
    """Of this package as it is installed."""
    return _version("mli-plateau")


@lru_cache(maxsize=1)
def code_hash() -> str:
    """32 hex digits over all modules of `simulations`: other code may give other numbers."""
    digest = blake2b(digest_size=16)
    # All of them, not a list kept by hand, which a new one that makes numbers would be missing in.
    for module in sorted(_PACKAGE.rglob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _commit() -> str:
    """The commit of the repository that this very file belongs to; a repository around it is not meant."""
    here = Path(__file__)
    if _git("ls-files", "--error-unmatch", here.name) is None:
        return ""
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return "" if commit is None else commit + ("+" if changed else "")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):  # no git, no repository, or one that does not answer
        return None
    return done.stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _device_name(device: str) -> str:
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine()
