"""Builds wheel and sdist, and installs them, alone, into a new environment that borrows our libraries.

`python -m tests.helpers.installed_wheel FOLDER` prints the path of the installed console command (.ci/run).
"""

import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable
from pathlib import Path

from tests.helpers.paths import ROOT

PACKAGES = ("mli", "mli_theory", "simulations", "validation", "paper_figures")
NO_SOURCE = {"__pycache__", "results", "build", "dist"}


def copy_checkout(source: Path) -> Path:
    """A copy of this checkout without caches, results and environments.

    Builds are made from copies: setuptools leaves build/ and an .egg-info beside its source, whose stale
    files would enter the next wheel and whose version other tests, run at the same time, would see appear.
    """

    def left_out(_: str, names: list[str]) -> Iterable[str]:
        return [n for n in names if n in NO_SOURCE or n.endswith(".egg-info") or (n[0] == "." and n != ".ci")]

    return shutil.copytree(ROOT, source, ignore=left_out)


def build(source: Path, folder: Path, *, sdist: bool) -> Path:
    """Build a wheel into `folder`, without a network: of the source, or of an sdist left beside it."""
    kind = () if sdist else ("--wheel",)
    options = [*kind, "--no-isolation", "--outdir", str(folder), str(source)]
    made = subprocess.run(
        [sys.executable, "-m", "build", *options], check=False, capture_output=True, text=True
    )
    if made.returncode:
        raise RuntimeError(f"the wheel could not be built:\n{made.stdout}\n{made.stderr}")
    (built,) = folder.glob("*.whl")
    return built


def new_environment(folder: Path) -> Path:
    """A new environment in `folder`; returns its bin folder.

    The borrowed libraries come in through a .pth line: their own .pth files are then not read, so an
    editable install of this checkout is not seen and what is installed here is what is imported.
    """
    venv.create(folder, with_pip=False)
    (site,) = (folder / "lib").glob("python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def pip_install(bin_folder: Path, distribution: Path) -> None:
    """Install a wheel or an sdist into an environment: no network, no dependencies, no isolated build."""
    pip = [sys.executable, "-m", "pip", "--python", str(bin_folder / "python")]
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--no-compile"]
    subprocess.run([*pip, "install", *options, str(distribution)], check=True, stdout=sys.stderr)


def install_wheel(folder: Path) -> Path:
    """Install this checkout's wheel into `folder`/venv and return that environment's bin folder."""
    folder = folder.resolve()
    wheel = build(copy_checkout(folder / "source"), folder / "wheel", sdist=False)
    bin_folder = new_environment(folder / "venv")
    pip_install(bin_folder, wheel)
    return bin_folder


if __name__ == "__main__":
    print(install_wheel(Path(sys.argv[1])) / "mli")
