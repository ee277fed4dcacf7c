"""The README's promises: its examples run, and its test command is the one that CI runs."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def printed_by(example: str) -> str:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(example, "README.md", "exec"), {"__name__": "readme"})
    return output.getvalue()


@pytest.mark.slow
def test_the_first_example_prints_the_end_of_a_real_plateau():
    assert 0 < float(printed_by(EXAMPLES[0])) < 1


def test_the_second_example_prints_the_plateau_of_the_closed_form():
    assert re.fullmatch(r"Plateau\(end=0\.\d+, error=0\.\d+, majority_class=2\)\n", printed_by(EXAMPLES[1]))


def test_no_example_is_left_untested():
    assert len(EXAMPLES) == 2


def test_ci_runs_the_test_command_of_the_readme():
    (command,) = re.findall(r"^(make test)\b", README, flags=re.MULTILINE)
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_make_target_of_the_readme_exists():
    targets = set(re.findall(r"^make (\w+)", README, flags=re.MULTILINE))
    rules = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert targets >= {"validate", "test"}
    assert targets <= rules


def test_every_picture_of_the_readme_is_there():
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)
