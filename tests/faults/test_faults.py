"""The drivers of faults, in their short form; `make faults` runs the long one."""

import os
import subprocess
import sys

import pytest

from tests.faults.tally import Row, table
from tests.helpers.paths import ROOT

pytestmark = [
    pytest.mark.subprocess,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the drivers fork"),
]


def drive(form):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.faults.driver", "--form", form]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


def test_no_fault_of_the_short_form_is_wrong_lost_or_untold():
    drive("short")


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.skipif("MLI_FAULTS" not in os.environ, reason="an hour of CPU: make faults")
def test_no_fault_of_the_long_form_is_wrong_lost_or_untold():
    drive(os.environ["MLI_FAULTS"])


def test_a_row_counts_and_is_good_only_where_all_is_clear():
    row = Row("killed")
    assert not row.good  # nothing was tried
    row.note("clear")
    assert row.good
    row.note("hangs", "at call 3")
    assert not row.good
    assert (row.tried, row.clear, row.hangs) == (2, 1, 1)
    assert "| killed | 2 | 1 | 0 | 0 | 1 | 0 |" in table([row])
    assert "killed: hangs: at call 3" in table([row])
