"""Builds the wheel and installs it, alone, into a new environment that borrows this one's libraries.

Run as a script with a folder, it prints the path of the installed console command (.ci/run does so).
"""

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from tests.helpers.paths import ROOT

PACKAGES = ("mli_theory", "simulations", "validation", "paper_figures", "commands")


def build_wheel(folder: Path) -> Path:
    """The wheel of this checkout, built without a network.

    From a copy: setuptools leaves build/ and an .egg-info beside its source, whose stale files would
    enter the next wheel and whose version other tests, run at the same time, would see appear.
    """
    source = folder / "source"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE", "mli.py"):
        shutil.copy(ROOT / file, source / file)
    made = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        raise RuntimeError(f"the wheel could not be built:\n{made.stdout}\n{made.stderr}")
    (wheel,) = folder.glob("*.whl")
    return wheel


def install_wheel(folder: Path) -> Path:
    """Install the wheel into `folder`/venv and return that environment's bin folder.

    The borrowed libraries come in through a .pth line: their own .pth files are then not read, so an
    editable install of this checkout is not seen and the wheel's files are what is imported.
    """
    folder = folder.resolve()
    wheel = build_wheel(folder / "wheel")
    venv.create(folder / "venv", with_pip=False)
    bin_folder = folder / "venv" / "bin"
    pip = [sys.executable, "-m", "pip", "--python", str(bin_folder / "python")]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True, stdout=sys.stderr
    )
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return bin_folder


if __name__ == "__main__":
    print(install_wheel(Path(sys.argv[1])) / "mli")
