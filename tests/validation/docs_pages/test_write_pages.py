"""Verdicts kept in docs/: the committed pages are those of the committed records and of today's rules."""

import html
import io
import json
import re

import pytest
from rich.console import Console
from typer.testing import CliRunner

from mli.commands.application import app
from tests.helpers.paths import ROOT
from tests.validation.helpers.planted import planted
from tests.validation.helpers.reported import validated
from validation.claims import CLAIMS, REGIME_CLAIMS
from validation.claims.rule_text import judgement, p_of_a_claim
from validation.claims.scope_text import scope_text
from validation.docs_pages.failure_tables import over_seeds
from validation.docs_pages.failures_of_the_account import SECTIONS_OF_THE_ACCOUNT
from validation.docs_pages.failures_of_the_laws import SECTIONS_OF_THE_LAWS
from validation.docs_pages.failures_page import where_it_fails_markdown
from validation.docs_pages.verdict_record import record_of
from validation.docs_pages.write_pages import (
    pages_of,
    read_records,
    readme_table,
    with_readme_table,
    write_verdicts,
)
from validation.html_report.write import write_report_page
from validation.job.main_job import Outcome
from validation.job.profiles import PROFILES, RECORDED, job_of
from validation.judgement.judging import judge
from validation.report.report_data import report_data
from validation.report.terminal_table import verdict_table
from validation.text.evidence_text import number
from validation.text.judged_where import JUDGED_WHERE

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
    assert tuple(records) == (*PROFILES, RECORDED)


def test_the_committed_pages_are_those_of_the_committed_records(records):
    for name, page in pages_of(records).items():
        assert (DOCS / name).read_text(encoding="utf-8") == page, RUN_THIS


def test_the_table_in_the_readme_is_that_of_the_committed_records_and_map(records):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"\n{readme_table(records)}\n" in readme, RUN_THIS


@pytest.mark.parametrize("claim", [*CLAIMS, *REGIME_CLAIMS], ids=lambda claim: claim.id)
def test_the_networks_beside_a_verdict_are_those_of_its_scope(claim):
    scope, words = scope_text(claim), JUDGED_WHERE[claim.id]
    kinds = re.compile(r"VGG-16|ResNet-18|power model|digits")
    assert set(kinds.findall(words)) <= set(kinds.findall(scope))
    for key in ("depth", "scale"):
        for told in re.findall(rf"{key} ([\d.]+)", words):
            assert re.search(rf"{key} [^,]*\b{told}\b", scope)


BARE = re.compile(r"refuted(?! (?:at|on) )")
"""The word without the networks that it is about."""
EXPLAINED = (
    *(p_of_a_claim(count) for count in (9, len(REGIME_CLAIMS))),
    *(judgement(count) for count in (9, len(REGIME_CLAIMS))),
    *("undecided, not refuted", "claim to be refuted", "refuted where false"),
    '"refuted" at a depth',
)


def bare(text):
    """Lines with "refuted" and no network beside it, where the word itself is not explained."""
    text = html.unescape(re.sub(r"<(script|style).*?</\1>", "", text, flags=re.DOTALL))
    text = text.replace('class="verdict refuted"', "")
    for words in EXPLAINED:
        text = text.replace(words, "").replace(words.replace("\n", " "), "")
    return [line for line in text.splitlines() if BARE.search(line)]


def test_refuted_never_stands_without_its_networks(tmp_path):
    """In the README, the docs, both kinds of report, and what the command prints."""
    made = ROOT / "docs" / "generated"  # by `make docs`; the changelog is there, too
    written = [path for path in (ROOT / "docs").rglob("*.md") if not path.is_relative_to(made)]
    for path in (ROOT / "README.md", *written):
        assert not bare(path.read_text(encoding="utf-8")), path
    validated(tmp_path / "in", loss_rise=0.0)  # C8 and C9 are refuted in it
    page = write_report_page(tmp_path / "in", tmp_path / "in" / "store", tmp_path / "no", tmp_path / "out")
    for path in (page, *(tmp_path / "in").glob("*.md")):
        assert not bare(path.read_text(encoding="utf-8")), path
    assert "refuted at depth 8, scale 0.5" in page.read_text(encoding="utf-8")
    data = json.loads((tmp_path / "in" / "report.json").read_text())
    for width in (80, 120):
        console = Console(width=width, file=io.StringIO())
        console.print(verdict_table(data))
        assert "refuted at depth 8" in console.file.getvalue()
        assert not bare(console.file.getvalue())
    assert bare("C5 is refuted.")


@pytest.mark.parametrize("profile", [*PROFILES, RECORDED])
def test_the_committed_records_are_of_the_rules_as_they_stand(records, profile):
    claims = REGIME_CLAIMS if profile == RECORDED else CLAIMS
    for claim, kept in zip(claims, records[profile]["claims"], strict=True):
        # Not the scope: it says of which sweep's form the judged runs were, today's or an older one.
        for key in ("id", "title", "statement"):
            assert getattr(claim, key) == kept[key], RUN_THIS
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


def section_of(page, title):
    return page.split(f"## {title}")[1].split("\n## ")[0]


def rows_of(page, title):
    """The cells of a section's rows by their first cell."""
    lines = re.findall(r"^\| (.*) \|$", section_of(page, title), re.MULTILINE)
    return {cells[0]: cells[1:] for cells in (line.split(" | ") for line in lines)}


def test_the_page_says_which_arms_are_not_monotone():
    record = recorded(error_rise=lambda seed: 0.03 if seed < 105 else 0.0)
    arms = {name: record["claims"][0]["evidence"][name] for name in ("error", "loss")}
    # The record's own numbers, of an experiment's arms: one that is monotone and one that is not.
    for quantity in arms.values():
        quantity["depth_and_bias/depth=4,bias=last"] = {
            "runs": 12,
            "rise_within_1_percent": 12,
            "largest_rise_over_fall": 0.002,
        }
    arms["error"]["depth_and_bias/depth=10,bias=last"] = {
        "runs": 9,
        "rise_within_1_percent": 4,
        "largest_rise_over_fall": 0.0323,
    }
    arms["loss"]["depth_and_bias/depth=10,bias=last"] = {
        "runs": 9,
        "rise_within_1_percent": 0,
        "largest_rise_over_fall": 0.312,
    }
    page = where_it_fails_markdown(record)
    rows = rows_of(page, "Monotone or not (A1, T3, C1)")
    # A rise of 0.03, less what the fall takes of it in one step of alpha, over a fall of 0.75.
    assert rows["centre"] == ["7 of 12", "3.8 %", "12 of 12", "0.7 %"]
    assert rows["depth_and_bias/depth=10,bias=last"] == ["4 of 9", "3.2 %", "0 of 9", "31.2 %"]
    assert "depth_and_bias/depth=4,bias=last" not in rows
    assert "In the other arms of depth_and_bias (1) every run has both curves monotone." in page


@pytest.mark.parametrize(("homogeneous", "longer"), [(0.5, True), (0.3, False)])
def test_the_page_says_where_the_homogeneous_path_makes_the_loss_plateau_longer(homogeneous, longer):
    record = recorded(ends={("bias-all", "homogeneous"): homogeneous})
    found = record["claims"][2]["evidence"]["loss_linear_minus_homogeneous_bias_in_all_layers"]
    assert (found["high"] < 0) == longer
    page = where_it_fails_markdown(record)
    title = "The homogeneous path (A3, T5, C3)"
    assert ("With a bias in every layer it is, for the loss, in all 12 seeds." in page) == longer
    (cell,) = rows_of(page, title)["loss, bias in every layer (bias-all)"]
    assert cell == f"{found['mean']:.3f} ({found['low']:.3f} to {found['high']:.3f}; 12)"


def test_the_page_says_which_class_holds_the_predictions():
    # The planted interval is the last class's: that of the largest bias, of the smallest where it is turned.
    record = recorded(bias_spread=lambda seed: 0.3 if seed < 104 else -0.3)
    rows = rows_of(where_it_fails_markdown(record), "Which class holds the predictions (T2, C5)")
    assert rows["centre"][:4] == ["12", "4", "8", "0"]
    assert "bias-none" not in rows


def test_the_page_has_the_bounds_and_the_closed_form_on_the_homogeneous_path():
    record = recorded()
    page = where_it_fails_markdown(record)
    bounds = record["claims"][7]["evidence"]["T4_prime_bounds_by_arm"]["centre"]
    below = bounds["farthest_below_the_lower_bound"]
    rows = rows_of(page, "Bounds of the loss (T4', C8)")
    assert rows["centre"][0] == f"{below['mean']:.2f} ({below['low']:.2f} to {below['high']:.2f}; 12)"
    worst = record["claims"][8]["evidence"]["homogeneous_path_at_the_centre"]["worst_loss_error"]
    assert f"off by {worst['mean']:.2f} (" in section_of(page, "The closed form on the homogeneous path")


def test_what_a_record_lacks_is_said_to_be_missing_and_nothing_else_is():
    record = recorded()
    for claim in record["claims"]:
        claim["evidence"] = {}
    page = where_it_fails_markdown(record)
    titles = [*SECTIONS_OF_THE_ACCOUNT, *SECTIONS_OF_THE_LAWS]
    assert all("Not recorded (no " in section_of(page, title) for title in titles)
    complete = where_it_fails_markdown(recorded(profile="standard", practical=0.1, imposed=(0.01, 0.2)))
    missing = [title for title in titles if "Not recorded" in section_of(complete, title)]
    # Planted runs have no gain, and the planted power model is too small for its theorems.
    assert missing == [
        "Laws from both ends and from probes (M1, M2)",
        "The power model in the main job (T9 to T11)",
    ]


@pytest.mark.parametrize("summary", [{"mean": -1e-4, "low": -3e-3, "high": 2e-3, "n": 5}])
def test_no_zero_has_a_minus_sign(summary):
    assert over_seeds(summary) == "0.00 (0.00 to 0.00; 5)"
    assert over_seeds(summary, 3) == "0.000 (-0.003 to 0.002; 5)"
    assert number(-0.0) == "0"
    assert "-0.00 " not in where_it_fails_markdown(recorded(practical=0.0, noise=1e-4))


def test_records_are_written_with_their_pages_and_the_table_of_the_readme(tmp_path):
    (tmp_path / "README.md").write_text("before\n\n| sentence of the abstract |\n| old |\n\nafter\n")
    (tmp_path / "docs").mkdir()
    record = recorded()
    written = write_verdicts(tmp_path / "docs", record)
    assert [str(path.relative_to(tmp_path)) for path in written] == [
        "docs/verdicts/quick.json",
        "docs/verdicts.md",
        "docs/reproduce_the_paper.md",
        "docs/where_the_account_fails.md",
        "README.md",
    ]
    assert read_records(tmp_path / "docs") == {"quick": json.loads(json.dumps(record))}
    readme = (tmp_path / "README.md").read_text()
    assert readme == f"before\n\n{readme_table({'quick': record})}\nafter\n"
    assert with_readme_table("no table here", {"quick": record}) == "no table here"
    # A second profile stands beside the first.
    write_verdicts(tmp_path / "docs", record | {"profile": "full"})
    assert "| claim | quick: verdict | p | full: verdict | p |" in (tmp_path / "docs/verdicts.md").read_text()


def test_the_command_records_what_validate_found(tmp_path):
    validated(tmp_path / "in", seeds=range(100, 102))
    found = CliRunner().invoke(
        app, ["report", "--input", str(tmp_path / "in"), "--record", str(tmp_path / "docs")]
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
