"""What wheel and sdist carry, and what they install: our five packages, typed, and nothing else."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.helpers.installed_wheel import PACKAGES, build, copy_checkout, new_environment, pip_install
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.slow  # distributions are built and installed

# What may lie about in a checkout and must not leave it.
LITTER = (
    "mli_foo/__init__.py",
    "simulations_old/__init__.py",
    "commands/__init__.py",
    "mli.py",
    "results/validate/report.json",
    "benchmarks/results/line.nc",
    "mli/__pycache__/plateau.cpython-311.pyc",
    "tests/__pycache__/conftest.cpython-311.pyc",
    ".venv/pyvenv.cfg",
    ".git/config",
    ".hypothesis/examples/0",
    "tests/.pytest_cache/README.md",
)


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    # A PYTHONPATH of the caller would let the checkout be found in place of what is installed.
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "MYPYPATH")}
    return subprocess.run(
        [*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of this checkout, littered."""
    copy = copy_checkout(tmp_path_factory.mktemp("copy") / "source")
    for name in LITTER:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).touch()
    return copy


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    """As it is published, and made by pip where somebody installs the sdist: of the sdist beside it."""
    return build(source, tmp_path_factory.mktemp("dist"), sdist=True)


@pytest.fixture(scope="module")
def sdist(wheel):
    (built,) = wheel.parent.glob("*.tar.gz")
    return built


@pytest.fixture(scope="module")
def unpacked(sdist, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    bin_folder = new_environment(tmp_path_factory.mktemp("environment") / "venv")
    pip_install(bin_folder, wheel)
    return bin_folder


def site_packages(bin_folder: Path) -> Path:
    (site,) = (bin_folder.parent / "lib").glob("python*/site-packages")
    return site


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_installs_our_packages_and_nothing_else(wheel):
    tops = {name.partition("/")[0] for name in contents(wheel)}
    (metadata,) = (top for top in tops if top.endswith(".dist-info"))
    assert tops - {metadata} == set(PACKAGES)


def test_the_wheel_carries_types_and_data(wheel):
    names = set(contents(wheel))
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert "mli/__init__.pyi" in names
    data = {Path(name).suffix for name in names if not name.endswith((".py", ".pyi", "py.typed"))}
    assert data >= {".toml", ".nc", ".html", ".js", ".css"}


def test_all_that_is_in_the_packages_is_in_the_wheel_of_the_sdist(source, wheel):
    """Code, stubs and data alike, byte for byte."""
    wanted = {
        f"{package}/{name}": (source / package / name).read_bytes()
        for package in PACKAGES
        for name in files_of(source / package)
        if "__pycache__" not in name
    }
    carried = {name: data for name, data in contents(wheel).items() if ".dist-info/" not in name}
    assert sorted(carried) == sorted(wanted)
    assert [name for name, data in carried.items() if data != wanted[name]] == []


def test_the_sdist_carries_all_that_is_tracked(source, unpacked):
    if shutil.which("git") is None:
        pytest.skip("git is not there")
    listed = run("git", "ls-files", "tests", "docs", "benchmarks", ".ci", *PACKAGES, cwd=ROOT)
    if listed.returncode or not listed.stdout:
        pytest.skip("this is no checkout of git")
    # What was deleted or moved and not yet committed is listed, too, but not there.
    tracked = {name for name in listed.stdout.splitlines() if (source / name).is_file()}
    tracked |= {
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CITATION.cff",
        "CONTRIBUTING.md",
        "Makefile",
        "SECURITY.md",
    }
    tracked |= {"MANIFEST.in", "constraints.txt", "pyproject.toml"}
    assert tracked <= files_of(unpacked)


def test_the_sdist_carries_no_litter(unpacked):
    ours = {"tests", "docs", "benchmarks", ".ci", "mli_plateau.egg-info", *PACKAGES}
    assert {path.name for path in unpacked.iterdir() if path.is_dir()} == ours
    carried = files_of(unpacked)
    assert not carried & set(LITTER)
    assert not [name for name in carried if "__pycache__" in name or "cache/" in name]


def test_the_tests_of_the_sdist_run(unpacked, tmp_path):
    """The first of them, which import little: pages, Makefile and CI's script are read, helpers imported."""
    copy = shutil.copytree(unpacked, tmp_path / "sdist")  # the run leaves caches
    found = run(sys.executable, "-m", "pytest", "-q", "-n0", "tests/docs/test_first_steps.py", cwd=copy)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_wheel_of_the_sdist_can_be_installed_and_brings_nothing_else(installed, tmp_path):
    found = run(installed / "mli", "--version", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    tops = {path.name for path in site_packages(installed).iterdir()}
    assert {top for top in tops if not top.endswith((".dist-info", ".pth"))} == set(PACKAGES)


# A user's lines, and what mypy says of each.
USER = [
    ("import mli", ""),
    ('data = mli.load("digits")', ""),
    ("net = mli.fcn(8, 64, 64, 10, seed=0)", ""),
    ("run = mli.train(net, data, learning_rate=0.02, max_epochs=9, seed=0)", ""),
    ("curves = mli.interpolation_curves(run.model, run.start, run.end, data)", ""),
    ("reveal_type(curves)", 'Revealed type is "xarray.core.dataset.Dataset"'),
    ("reveal_type(run)", 'Revealed type is "simulations.training.result.TrainingResult"'),
    ("reveal_type(mli.plateau_end(curves.alpha, curves.error))", 'Revealed type is "float"'),
    ("reveal_type(mli.plateau([[1.0]], [0.0], [0], 2).end)", 'Revealed type is "float"'),
    ("reveal_type(mli.__version__)", 'Revealed type is "str"'),
    (
        "mli.train(net, data, max_epochs=9, learning_speed=0.02)",
        'Unexpected keyword argument "learning_speed" for "train"',
    ),
    ('mli.plateau([[1.0]], [0.0], [0], "2")', 'Argument 4 to "plateau" has incompatible type "str"'),
    ("mli.nothing", 'Module has no attribute "nothing"'),
]

# Reading these libraries takes most of mypy's time, and nothing asked here hangs on them.
NOT_ASKED_ABOUT = (
    *("torch", "matplotlib", "pandas", "scipy", "sympy", "dask", "distributed", "tornado", "numba", "rich"),
    *("typer", "click", "jinja2", "PIL", "flint", "submitit", "datasets", "filelock", "markdown_it"),
    *("numpy", "xarray"),
)


def test_a_user_gets_types_from_the_installed_wheel(installed, tmp_path):
    (tmp_path / "script.py").write_text("\n".join(line for line, _ in USER) + "\n")
    skipped = ",".join(f"{name}.*" for name in NOT_ASKED_ABOUT)
    (tmp_path / "mypy.ini").write_text(
        f"[mypy]\n[mypy-{skipped}]\nfollow_imports = skip\nfollow_imports_for_stubs = True\n"
        # Of xarray its one class is asked about: a module's own section is stronger than one with a star.
        "[mypy-xarray,xarray.core.dataset]\nfollow_imports = silent\n"
    )
    options = ["--config-file", "mypy.ini", "--cache-dir", "cache", "--strict"]
    python = ["--python-executable", installed / "python"]
    found = run(sys.executable, "-m", "mypy", *options, *python, "script.py", cwd=tmp_path)
    said = dict.fromkeys(range(1, len(USER) + 1), "")
    for number, kind, words in re.findall(
        r"^script\.py:(\d+): (\w+): (.*)$", found.stdout, flags=re.MULTILINE
    ):
        if kind == "error" or words.startswith("Revealed"):
            said[int(number)] += words
    for number, (line, expected) in enumerate(USER, 1):
        assert said[number].startswith(expected), (line, said[number], found.stdout, found.stderr)
        assert bool(said[number]) == bool(expected), (line, said[number])
