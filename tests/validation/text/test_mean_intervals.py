"""An interval where there are seeds for one, and else the range, in every place that shows them."""

import pytest

from tests.validation.helpers.planted import planted
from validation.claims import CLAIMS
from validation.docs_pages.failures_page import where_it_fails_markdown
from validation.docs_pages.reproduce_page import reproduce_markdown
from validation.docs_pages.verdict_record import record_of
from validation.html_report.claim_view import plotted_claim, shown_claim
from validation.html_report.tables import report_tables
from validation.job.main_job import Outcome
from validation.job.profiles import job_of
from validation.judgement.judging import judge
from validation.report.report_data import report_data
from validation.report.report_markdown import report_markdown
from validation.text.mean_intervals import interval_or_range, mean_interval, seed_range


@pytest.mark.parametrize(("seeds", "shown"), [(10, "0.25 to 0.75"), (9, "range 0 to 8")])
def test_an_interval_needs_ten_seeds(seeds, shown):
    by_seed = {str(seed): float(seed) for seed in range(seeds)} | {"undefined": None}
    assert interval_or_range({"interval_95_percent": [0.25, 0.75], "by_seed": by_seed}) == shown
    # A record of verdicts has their number and their range.
    kept = {"interval_95_percent": [0.25, 0.75], "seeds": seeds, "range": [0.0, 8.0]}
    assert interval_or_range(kept) == shown


def test_without_numbers_there_is_neither():
    assert interval_or_range({"interval_95_percent": None, "by_seed": {"100": None}}) == "–"
    assert mean_interval({}) is None
    assert seed_range({"by_seed": {}}) is None
    assert interval_or_range({"interval_95_percent": None, "seeds": 0, "range": None}) == "–"


@pytest.mark.parametrize("interval", [None, [0.101, 0.202]])  # as reports have it, and as they once had it
def test_five_seeds_have_a_range_and_no_interval_wherever_a_criterion_is_shown(interval):
    observations = planted(seeds=range(100, 105), ends={("depth-2", "linear"): 0.45})
    outcome = Outcome(job_of("quick"), observations.runs, observations, judge(CLAIMS, observations))
    data = report_data(outcome)
    for claim in data["claims"]:
        for criterion in claim["criteria"]:
            assert criterion["interval_95_percent"] is None
            criterion["interval_95_percent"] = interval
    claim = next(claim for claim in data["claims"] if claim["id"] == "C5")
    spread = interval_or_range(claim["criteria"][0])
    assert spread.startswith("range ")
    record = record_of(data)
    for page in (report_markdown(data), reproduce_markdown(record), where_it_fails_markdown(record)):
        assert spread in page
        assert "0.101 to 0.202" not in page
    assert shown_claim(claim, [])["criteria"][0]["spread"] == spread
    assert plotted_claim(claim)["criteria"][0]["interval_95_percent"] is None
    row = next(row for row in report_tables(data, [])["criteria"] if row["claim"] == "C5")
    assert row["interval_low"] is row["interval_high"] is None
