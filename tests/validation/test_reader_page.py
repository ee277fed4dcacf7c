"""The page "Reproduce the paper": complete, and its committed copy has the structure of one made now."""

import re
from pathlib import Path

import pytest

from tests.validation.planted import planted
from validation.claims import CLAIMS
from validation.judgement import judge
from validation.main_job import Outcome
from validation.profiles import job_of
from validation.reader_page import ABSTRACT, FIGURES, reproduce_markdown, structure
from validation.report import report_data

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "reproduce_the_paper.md"


@pytest.fixture(scope="module")
def data():
    observations = planted(seeds=range(100, 103))
    return report_data(
        Outcome(job_of("standard"), observations.runs, observations, judge(CLAIMS, observations))
    )


def test_every_sentence_leads_to_a_claim_a_command_and_a_verdict(data):
    page = reproduce_markdown(data)
    for sentence, words in ABSTRACT.items():
        assert f"**{sentence}.** {words}" in page
    for claim in data["claims"]:
        (row, *_) = re.findall(rf"^\| {claim['id']} .*$", page, flags=re.MULTILINE)
        assert f"`mli validate --profile standard --claim {claim['id']}`" in row
        assert f"**{claim['verdict']}**" in row
        for name in FIGURES[claim["id"]]:
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
    assert set(FIGURES) == {claim.id for claim in CLAIMS}


def test_the_structure_knows_results_from_rules(data):
    page = reproduce_markdown(data)
    other = reproduce_markdown(
        data
        | {
            "claims": [
                claim
                | {
                    "verdict": "supported",
                    "p_holm": 0.01,
                    "criteria": [
                        c | {"mean": 0.123, "interval_95_percent": [0.1, 0.2], "by_seed": {"1": 0.1}}
                        for c in claim["criteria"]
                    ],
                }
                for claim in data["claims"]
            ]
        }
    )
    assert page != other
    assert structure(page) == structure(other)
    rules = [
        claim | {"criteria": [c | {"threshold": 9.0} for c in claim["criteria"]]} for claim in data["claims"]
    ]
    assert structure(reproduce_markdown(data | {"claims": rules})) != structure(page)


def test_the_committed_page_is_current(data):
    committed = COMMITTED.read_text(encoding="utf-8")
    assert structure(committed) == structure(reproduce_markdown(data)), (
        "run `mli validate --profile standard` and copy results/validate/reproduce_the_paper.md to docs/"
    )
    assert "profile standard" in committed
