"""The seconds a certificate is expected to take, against those measured (benchmarks/certify_cost.csv)."""

import csv

import numpy as np
import pytest

from benchmarks.certify import TABLE, line
from mli_theory.certificates.expected_cost import expected_seconds, most_expected_seconds

ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))


def test_measured_are_corners_and_middle_of_the_range_and_all_kinds():
    shapes = {(int(row["classes"]), int(row["degree"])) for row in ROWS}
    assert {(2, 2), (2, 200), (100, 2), (30, 200), (100, 50), (10, 30)} <= shapes
    assert {row["kind"] for row in ROWS} == {"small", "large", "equal", "zero", "tied"}
    assert {row["loss_monotone"] for row in ROWS} == {"True", "False", ""}
    assert len(ROWS) > 150


@pytest.mark.parametrize("kind", ["small", "large", "equal", "zero", "tied"])
def test_every_measured_line_is_foretold_within_a_factor_of_3(kind):
    ratios = {}
    for row in (row for row in ROWS if row["kind"] == kind):
        shape = int(row["classes"]), int(row["degree"])
        foretold = expected_seconds(*line(kind, *shape, seed=0), int(row["most_cells"]))
        ratios[shape] = float(row["seconds"]) / foretold
    assert {shape: ratio for shape, ratio in ratios.items() if not 1 / 3 < ratio < 3} == {}


def test_no_estimate_is_above_the_one_without_a_look_at_the_line():
    for kind in ("small", "large", "equal", "zero", "tied"):
        for shape in ((2, 2), (3, 200), (10, 30), (60, 5)):
            for cells in (1, 1000):
                most = most_expected_seconds(*shape, cells)
                assert expected_seconds(*line(kind, *shape, seed=0), cells) <= most


def test_logits_too_large_for_a_verdict_cost_all_cells():
    # Floats see a rise at alpha = 3/4, third in the order of the search, but logits are of 1e23 nats there.
    start, bias, end, end_bias, degree = line("large", 5, 100, seed=0)
    cells = [expected_seconds(start, bias, end, end_bias, degree, n) for n in (500, 1000)]
    assert cells[1] == pytest.approx(2 * cells[0], rel=0.1)
    tame = [expected_seconds(start / 3, bias, end / 3, end_bias, degree, n) for n in (500, 1000)]
    assert np.ptp(tame) == 0
