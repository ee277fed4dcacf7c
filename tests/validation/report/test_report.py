"""The report: strict, complete, the same twice, and readable."""

import io
import json
import math
import re

import pytest
from rich.console import Console

from tests.validation.helpers.planted import ARMS, planted
from validation.claims import CLAIMS
from validation.claims.rule_text import rules_text
from validation.job.main_job import Outcome
from validation.job.profiles import job_of
from validation.judgement.judging import judge
from validation.report.report_data import CENTRE_CHOICE, report_data, write_report
from validation.report.report_markdown import report_markdown
from validation.report.terminal_table import verdict_table
from validation.text.evidence_text import MOST_ROWS
from validation.text.plain_data import strict_json

QUICK = job_of("quick")


def outcome(**truth):
    observations = planted(**truth)
    return Outcome(QUICK, observations.runs, observations, judge(CLAIMS, observations))


@pytest.fixture(scope="module")
def planted_outcome():
    return outcome()


def numbers(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, float):
        yield value


def refuse(token):
    raise AssertionError(f"{token} is no JSON")


def test_json_is_strict_though_curves_are_undefined(tmp_path):
    found = outcome(seeds=range(100, 103))
    for run in found.runs:
        run["error"][:] = math.nan  # plateau ends, rises: nan
    found = Outcome(QUICK, found.runs, found.observations, judge(CLAIMS, found.observations))
    write_report(tmp_path, found)
    data = json.loads((tmp_path / "report.json").read_text(), parse_constant=refuse)
    assert all(math.isfinite(number) for number in numbers(data))
    ends = data["claims"][2]["criteria"][0]
    assert ends["by_seed"] == {"100": None, "101": None, "102": None}
    assert ends["undefined_seeds"] == [100, 101, 102]
    assert ends["mean"] is None


def test_strict_json_refuses_what_was_overlooked():
    with pytest.raises(ValueError, match=r"not JSON compliant"):
        strict_json({"x": math.inf})


def test_the_same_runs_give_the_same_bytes(planted_outcome, tmp_path):
    for name in ("one", "two"):
        write_report(tmp_path / name, planted_outcome)
    for file in ("report.md", "report.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_json_holds_every_number_behind_every_verdict(planted_outcome):
    data = report_data(planted_outcome)
    assert [claim["id"] for claim in data["claims"]] == [f"C{i}" for i in range(1, 10)]
    for claim, verdict in zip(data["claims"], planted_outcome.verdicts, strict=True):
        assert claim["verdict"] == verdict.verdict
        for shown, result in zip(claim["criteria"], verdict.results, strict=True):
            assert shown["by_seed"] == {str(seed): value for seed, value in result.by_seed.items()}
    assert {(run["arm"], run["seed"]) for run in data["runs"]} == {
        (arm.name, seed) for arm in ARMS for seed in range(100, 112)
    }
    assert data["torch_threads_of_a_run"] == [1]
    assert "torch" in data["versions"]
    assert data["centre"] == CENTRE_CHOICE


def test_the_markdown_explains_itself_then_judges_then_confesses(planted_outcome, tmp_path):
    write_report(tmp_path, planted_outcome)
    text = (tmp_path / "report.md").read_text()
    order = [
        "**The line.**",
        "## Verdicts",
        *(f"## {claim.id} {claim.title}" for claim in CLAIMS),
        "## Where the prediction fails",
        "## The runs",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert CENTRE_CHOICE in text
    assert "smoke" not in text
    assert "nan" not in text.lower().split()
    for verdict in planted_outcome.verdicts:
        assert f"| {verdict.claim.id} | {verdict.claim.title} |" in text
        assert verdict.verdict in text


def test_a_refuted_claim_names_what_failed_and_nothing_else(tmp_path):
    write_report(tmp_path, outcome(ends={("depth-2", "linear"): 0.45}))
    text = (tmp_path / "report.md").read_text()
    (said,) = [
        line
        for line in text.splitlines()
        if line.startswith("**Refuted at depth 8, scale 0.5**") and "plateau on" in line
    ]
    assert said.count("at depth 8 (centre) minus that at depth 2 (mean") == 2  # of the loss and of the error
    assert "without any bias" not in said
    assert "Of the other 2 means 2 lie on the claimed side." in said
    assert said.endswith(
        "Judged without imposed gap 2 minus 0 (it needs runs of the experiment imposed_bias)."
    )


def test_the_runs_are_told_with_all_that_differs_between_arms(planted_outcome):
    text = report_markdown(report_data(planted_outcome))
    for arm in ARMS:
        row = f"| {arm.name} | {arm.depth} | {arm.bias} | {arm.init_scale} | {arm.learning_rate} | 12 | 12 |"
        assert row in text
    assert "depth (and with it the learning rate)" in text
    assert "these same training samples" in text
    for claim in CLAIMS:  # every source is explained before it is cited
        for name in re.findall(r"\b[TM]\d+\b", claim.source + claim.hypotheses):
            start, end = text.index("**Where the claims come from.**"), text.index("## Verdicts")
            assert name in text[start:end], name


def test_other_experiments_are_listed_apart_from_the_star():
    text = report_markdown(report_data(outcome(seeds=range(100, 103), imposed=(0.1, 0.1))))
    star, others = text[text.index("## The runs") :].split("The other experiments")
    assert "| centre | 8 |" in star
    assert "imposed_bias/" not in star
    assert "| imposed_bias/imposed_bias_gap=2.0 | planted | fcn | 3 | 3 |" in others


def test_checks_and_predictions_stand_beside_the_verdict(planted_outcome):
    data = report_data(planted_outcome)
    text = report_markdown(data)
    for claim in data["claims"]:
        assert claim["checks"]
        for check in claim["checks"]:
            assert f"| {check['hypothesis']} |" in text
    c8 = data["claims"][7]["criteria"][0]["predicted"]["zero initial weights (T1 to T5)"]
    assert len(c8["by_seed"]) == 12
    assert c8["interval_95_percent"][0] <= c8["mean"] <= c8["interval_95_percent"][1]
    difference = data["claims"][7]["criteria"][0]["mean"] - c8["mean"]
    assert c8["measured_minus_predicted"] == pytest.approx(difference)


def test_long_tables_keep_the_star_in_the_report_and_are_whole_beside_it(tmp_path):
    found = outcome(seeds=range(100, 102), imposed=(0.1, 0.1), practical=0.1)
    write_report(tmp_path, found)
    report, evidence = ((tmp_path / name).read_text() for name in ("report.md", "evidence.md"))
    arms = found.observations.arms()
    assert len(arms) > MOST_ROWS
    before_the_runs = report[: report.index("## Where the prediction fails")]
    assert "| imposed bias/imposed bias gap=2.0 |" in evidence
    assert f"{len(arms) - 7} more rows are in evidence.md." in before_the_runs
    for arm in ARMS:
        assert f"| {arm.name} |" in before_the_runs


def test_left_out_runs_are_listed_with_their_reason(tmp_path):
    found = outcome(status=lambda seed: "stagnated" if seed == 104 else "reached")
    data = write_report(tmp_path, found)
    reason = "stagnated: did not reach the target loss"
    assert {"arm": "centre", "seed": 104, "reason": reason} in data["left_out"]
    assert f"centre seed 104 ({reason})" in (tmp_path / "report.md").read_text()


def test_a_table_row_for_every_claim_fits_a_terminal(planted_outcome):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(verdict_table(report_data(planted_outcome)))
    text = console.export_text()
    for verdict in planted_outcome.verdicts:
        assert verdict.claim.id in text
    assert max(map(len, text.splitlines())) <= 80
    assert "refuted" in text


def test_a_table_of_some_claims_says_that_all_were_judged(planted_outcome):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(verdict_table(report_data(planted_outcome), {"C5", "C8"}))
    text = " ".join(console.export_text().split())
    assert "2 of 9 claims; the p-values are corrected for all of them" in text
    assert "C5" in text
    assert "C6" not in text
    assert "not measured" in text  # the imposed bias


def test_rules_name_every_threshold_and_reason():
    text = rules_text(CLAIMS)
    for claim in CLAIMS:
        assert f"{claim.id}  {claim.title}" in text
        for criterion in claim.criteria:
            assert f"{criterion.side} {criterion.threshold:g} {criterion.unit}" in text
            assert criterion.reason in text


def test_a_folder_that_cannot_be_written_is_named(planted_outcome, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"file.*cannot be written"):
        write_report(tmp_path / "file", planted_outcome)
