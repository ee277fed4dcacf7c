"""docs/how_to_test_your_own_claim.md: its claims are tested, the true ones hold, the false one is refuted."""

import re
import runpy

import pytest
from hypothesis import given, settings

import mli.testing
from tests.helpers.paths import ROOT

PAGE = (ROOT / "docs" / "how_to_test_your_own_claim.md").read_text()
FILES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, flags=re.DOTALL))


def claims(name, tmp_path):
    (tmp_path / name).write_text(FILES[name])
    return {
        key: value for key, value in runpy.run_path(str(tmp_path / name)).items() if key.startswith("test_")
    }


def test_the_true_claim_holds_and_the_false_one_is_refuted_as_the_page_says(tmp_path):
    true, false = claims("my_claim.py", tmp_path).values()
    true()
    smallest = []
    inner = false.hypothesis.inner_test
    drawn = mli.testing.homogeneous_problems(correct_at_end=True, kind="whole")

    @settings(report_multiple_bugs=False, max_examples=60)
    @given(drawn)
    def remembered(problem):
        try:
            inner(problem)
        except AssertionError:
            smallest[:] = [problem]
            raise

    with pytest.raises(AssertionError):
        false()
    with pytest.raises(AssertionError):
        remembered()
    (found,) = smallest
    assert len(found.labels) == 1  # "of one sample"


def test_the_claim_about_networks_holds(tmp_path):
    (claim,) = claims("my_network_claim.py", tmp_path).values()
    claim()


def test_ten_lines_and_no_block_is_left_out():
    assert list(FILES) == ["my_claim.py", "my_network_claim.py"]
    first = FILES["my_claim.py"].split("\n@given")
    assert len([line for line in (first[0] + first[1]).splitlines() if line.strip()]) <= 10


def test_every_strategy_is_in_the_page():
    named = set(re.findall(r"`(\w+)`", PAGE))
    strategies = {name for name in mli.testing.__all__ if name.islower()} - {"gaussian_state"}
    assert strategies <= named
