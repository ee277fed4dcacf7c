"""The files around the code: bounds, versions and make targets are said once, or agree."""

import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.helpers.paths import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()


def constraint_lines():
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "lowest_versions.py"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_every_dependency_is_tried_at_its_lower_bound_but_torch():
    lines = constraint_lines()
    for requirement in map(Requirement, PYPROJECT["project"]["dependencies"]):
        pinned = [line.partition("==")[2] for line in lines if line.startswith(f"{requirement.name}==")]
        assert len(pinned) == 1, requirement.name
        if requirement.name != "torch":
            assert str(requirement.specifier) == f">={pinned[0]}"
    assert [line for line in lines if line.startswith("torch==")] == [
        line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch==")
    ]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "README.md", ".ci/run", ".github/workflows/ci.yml"])
def test_make_targets_that_are_named_exist(page):
    if not (ROOT / page).exists():  # .github is no part of the sdist
        pytest.skip(f"{page} is not there")
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
    text = (ROOT / page).read_text()
    named = re.findall(r"(?:`|^\s*|run: )make ([a-z-]+)", text, flags=re.MULTILINE)
    assert named
    assert set(named) <= targets


def test_marks_that_make_leaves_out_are_registered():
    marks = {line.partition(":")[0] for line in PYPROJECT["tool"]["pytest"]["ini_options"]["markers"]}
    left_out = re.findall(r'-m "([^"]*)"', MAKEFILE)
    assert left_out
    for expression in left_out:
        assert set(re.findall(r"[a-z]+", expression)) - {"not", "and"} <= marks


def test_the_version_is_that_of_the_citation():
    version = PYPROJECT["project"]["version"]
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()
    changelog = (ROOT / "CHANGELOG.md").read_text()
    released = re.findall(r"^## (\d\S*)", changelog, flags=re.MULTILINE)
    assert not released or released[0] == version


def test_files_that_contributing_names_exist():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    paths = set(
        re.findall(r"`((?:mli|tests|simulations|validation|paper_figures|mli_theory)/[\w/.]*)`", page)
    )
    paths |= set(re.findall(r"\]\(([\w/.]+)\)", page))
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / path).exists(), path
