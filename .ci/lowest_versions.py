"""Print pip constraints that pin every dependency of pyproject.toml to its lower bound (`make test-lowest`).

torch is pinned as in constraints.txt: another version of it is a download of gigabytes.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
# Of the `dev` extra only what the tests import that run on the lowest versions.
TEST_TOOLS = {"hypothesis", "mpmath", "pytest", "pytest-xdist", "z3-solver"}


def lowest_versions() -> list[str]:
    """Return a line `name==version` for each dependency and each test tool, torch apart."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tools = [
        tool for tool in map(Requirement, project["optional-dependencies"]["dev"]) if tool.name in TEST_TOOLS
    ]
    lines = []
    for requirement in [*map(Requirement, project["dependencies"]), *tools]:
        if requirement.name == "torch":
            continue
        bounds = [specifier.version for specifier in requirement.specifier if specifier.operator == ">="]
        if len(bounds) != 1:
            sys.exit(f"pyproject.toml: {requirement} needs exactly one lower bound, written with >=")
        lines.append(f"{requirement.name}=={bounds[0]}")
    return lines


def torch_pin() -> str:
    """Return constraints.txt's line of torch."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("torch=="))


if __name__ == "__main__":
    print("\n".join([*lowest_versions(), torch_pin()]))
