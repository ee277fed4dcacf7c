"""The page "Reproduce the paper": complete, each claim with what it was judged on."""

import re

import pytest

from tests.validation.helpers.planted import planted
from validation.claims import CLAIMS, REGIME_CLAIMS
from validation.claims.claim_figures import CLAIM_FIGURES
from validation.docs_pages.reproduce_page import ABSTRACT, reproduce_markdown
from validation.docs_pages.verdict_record import record_of
from validation.job.main_job import Outcome
from validation.job.profiles import job_of
from validation.judgement.judging import judge
from validation.report.report_data import report_data


@pytest.fixture(scope="module")
def data():
    observations = planted(seeds=range(100, 103))
    outcome = Outcome(job_of("standard"), observations.runs, observations, judge(CLAIMS, observations))
    return record_of(report_data(outcome))


def test_every_sentence_leads_to_a_claim_a_command_and_a_verdict(data):
    page = reproduce_markdown(data)
    for sentence, words in ABSTRACT.items():
        assert f"**{sentence}.** {words}" in page
    for claim in data["claims"]:
        (row, *_) = re.findall(rf"^\| {claim['id']} .*$", page, flags=re.MULTILINE)
        assert f"`mli validate --profile standard --claim {claim['id']}`" in row
        assert f"**{claim['verdict']}**" in row
        assert claim["scope"] in row
        for name in CLAIM_FIGURES[claim["id"]]:
            assert f"`mli figures {name}`" in row
        for criterion in claim["criteria"]:
            assert criterion["measures"] in page


def test_the_sentence_that_a_claim_names_is_the_one_it_stands_under(data):
    page = reproduce_markdown(data)
    for claim in CLAIMS:
        for sentence in re.findall(r"\bA[1-6]\b", claim.source):
            after = page.split(f"**{sentence}.**")[1]
            table = re.split(r"\*\*A\d\.\*\*|^## ", after, flags=re.MULTILINE)[0]
            assert f"| {claim.id} " in table, (claim.id, sentence)


def test_figures_are_named_for_claims_that_exist():
    assert set(CLAIM_FIGURES) == {claim.id for claim in (*CLAIMS, *REGIME_CLAIMS)}


def test_it_says_that_c5_is_judged_at_depth_8_and_half_scale_and_whose_verdicts_these_are(data):
    page = reproduce_markdown(data)
    (row,) = set(re.findall(r"^\| C5 .*$", page, flags=re.MULTILINE))
    assert "depth 8 beside 2" in row
    assert "initial scale 0.5, digits, SGD with momentum 0.9" in row
    assert "verdict (standard)" in page
    assert "profile standard, 21 runs of networks in its store" in page


def test_a_claim_short_of_seeds_says_how_to_get_them(data):
    assert "3 seeds with a number, 11 needed: `mli sweep star --seeds 11`" in reproduce_markdown(data)


def test_a_smoke_run_names_its_own_command(data):
    page = reproduce_markdown(data | {"profile": "smoke"})
    assert "`mli validate --smoke --claim C5`" in page
    assert "--profile" not in page.split("## The abstract")[1].split("## The numbers")[0]
