"""Verdicts kept in docs/: the committed pages are those of the committed records and of today's rules."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import mli
from tests.validation.planted import planted
from tests.validation.reported import validated
from validation.claims import CLAIMS
from validation.evidence_text import number
from validation.judgement import judge
from validation.main_job import Outcome
from validation.profiles import PROFILES, job_of
from validation.report import report_data
from validation.scopes import scope_text
from validation.verdict_pages import pages_of, read_records, readme_block, with_readme_block, write_verdicts
from validation.verdict_record import record_of
from validation.where_it_fails import where_it_fails_markdown

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RUN_THIS = "run `mli report --record docs` after `mli validate` of the profile"


def recorded(profile="quick", **truth):
    observations = planted(**truth)
    outcome = Outcome(job_of(profile), observations.runs, observations, judge(CLAIMS, observations))
    return record_of(report_data(outcome))


@pytest.fixture(scope="module")
def records():
    return read_records(DOCS)


def test_every_profile_has_its_verdicts_recorded(records):
    assert tuple(records) == PROFILES


def test_the_committed_pages_are_those_of_the_committed_records(records):
    for name, page in pages_of(records).items():
        assert (DOCS / name).read_text(encoding="utf-8") == page, RUN_THIS


def test_the_list_in_the_readme_is_that_of_the_committed_records(records):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"```text\n{readme_block(records)}```" in readme, RUN_THIS


@pytest.mark.parametrize("profile", PROFILES)
def test_the_committed_records_are_of_the_rules_as_they_stand(records, profile):
    for claim, kept in zip(CLAIMS, records[profile]["claims"], strict=True):
        assert (claim.id, claim.title, claim.statement, scope_text(claim)) == (
            *(kept[key] for key in ("id", "title", "statement", "scope")),
        ), RUN_THIS
        for criterion, found in zip(claim.criteria, kept["criteria"], strict=True):
            for key in ("key", "about", "measures", "side", "threshold", "unit", "only_with"):
                assert getattr(criterion, key) == found[key], RUN_THIS


def test_numbers_come_from_the_profile_that_has_seen_most(records):
    pages = pages_of(records)
    assert "profile standard" in pages["where_the_account_fails.md"]
    assert "verdict (standard)" in pages["reproduce_the_paper.md"]
    alone = pages_of({"quick": records["quick"]})
    assert "profile quick" in alone["where_the_account_fails.md"]
    assert "No such run." in alone["where_the_account_fails.md"]


def test_a_record_sums_up_seeds_and_leaves_no_run_out():
    record = recorded(seeds=range(100, 103))
    bumps = record["claims"][7]["evidence"]["by_arm"]["centre"]
    assert set(bumps) == {"mean", "low", "high", "n"}
    assert bumps["n"] == 3
    assert bumps["low"] <= bumps["mean"] <= bumps["high"]
    assert record["runs"] == 21
    assert record["claims"][4]["criteria"][0]["seeds"] == 3


def test_the_page_of_failures_names_what_fails_with_its_number_and_nothing_else():
    record = recorded(ends={("depth-2", "linear"): 0.45})  # C5 refuted, both curves
    page = where_it_fails_markdown(record)
    section = page.split("## Claims without support")[1].split("## ")[0]
    assert "**C5 " in section
    assert "**C3 " not in section  # supported
    claim = record["claims"][4]
    failed = [c for c in claim["criteria"] if c["key"].endswith("depth_8_minus_2")]
    held = [c for c in claim["criteria"] if c["key"].endswith("last_minus_none")]
    assert len(failed) == len(held) == 2
    for c in failed:
        assert f"- {c['measures']}: {number(c['mean'])} (" in section
    for c in held:
        assert f"- {c['measures']}:" not in section


def test_tables_of_the_page_hold_the_measured_and_the_predicted_numbers():
    record = recorded(profile="standard", imposed=(0.01, 0.2))
    page = where_it_fails_markdown(record)
    found = record["claims"][8]["evidence"]["linear_path_by_arm"]["centre"]["worst_loss_error"]
    (row,) = re.findall(r"^\| centre \| .* [\d.]+ \(.*$", page.split("(T1 to T5, C9)")[1], re.MULTILINE)[:1]
    assert f"{found['mean']:.2f} ({found['low']:.2f} to {found['high']:.2f}; 12)" in row


def test_records_are_written_with_their_pages_and_the_list_of_the_readme(tmp_path):
    (tmp_path / "README.md").write_text("before\n```text\nclaim old\n```\nafter\n")
    (tmp_path / "docs").mkdir()
    record = recorded()
    written = write_verdicts(tmp_path / "docs", record)
    assert [str(path.relative_to(tmp_path)) for path in written] == [
        "docs/verdicts/quick.json",
        "docs/reproduce_the_paper.md",
        "docs/where_the_account_fails.md",
        "docs/verdicts.md",
        "README.md",
    ]
    assert read_records(tmp_path / "docs") == {"quick": json.loads(json.dumps(record))}
    readme = (tmp_path / "README.md").read_text()
    assert readme == f"before\n```text\n{readme_block({'quick': record})}```\nafter\n"
    assert with_readme_block("no list here", {"quick": record}) == "no list here"
    # A second profile stands beside the first.
    write_verdicts(tmp_path / "docs", record | {"profile": "full"})
    assert "| claim | quick: verdict | p | full: verdict | p |" in (tmp_path / "docs/verdicts.md").read_text()


def test_the_command_records_what_validate_found(tmp_path):
    validated(tmp_path / "in", seeds=range(100, 102))
    found = CliRunner().invoke(
        mli.app, ["report", "--input", str(tmp_path / "in"), "--record", str(tmp_path / "docs")]
    )
    assert found.exit_code == 0, found.output
    assert found.output.split()[0] == str(tmp_path / "docs" / "verdicts" / "quick.json")
    assert list(read_records(tmp_path / "docs")) == ["quick"]


def test_a_smoke_run_is_not_recorded_and_damage_is_named(tmp_path):
    record = recorded(seeds=range(100, 102))
    with pytest.raises(ValueError, match="a smoke run decides nothing"):
        write_verdicts(tmp_path / "docs", record | {"profile": "smoke"})
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "docs" / "verdicts").mkdir(parents=True)
    (tmp_path / "docs" / "verdicts" / "full.json").write_text("{")
    with pytest.raises(ValueError, match=r"full\.json is damaged"):
        write_verdicts(tmp_path / "docs", record)
    assert [path.name for path in (tmp_path / "docs" / "verdicts").iterdir()] == ["full.json"]
