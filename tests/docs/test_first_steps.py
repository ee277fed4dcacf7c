"""The README's first commands: Makefile and CI's script have them. Nothing of ours is imported."""

import re

from tests.helpers.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_ci_runs_the_test_command_of_the_readme():
    (command,) = re.findall(r"^(make test)\b", README, flags=re.MULTILINE)
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_make_target_of_the_readme_exists():
    targets = set(re.findall(r"^make (\w+)", README, flags=re.MULTILINE))
    rules = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert targets >= {"validate", "test"}
    assert targets <= rules
