"""docs/regimes.md: words and tables say what was planted; the page in docs/ is that of the data shipped."""

import pytest
from typer.testing import CliRunner

from mli.commands.application import app
from tests.helpers.paths import ROOT
from tests.validation.regimes.helpers.planted_map import pair, planted_map
from validation.docs_pages.regimes_page import regimes_markdown
from validation.regimes import regime_map

ATTRIBUTES = {"data": "digits", "seeds": "400 401", "max_epochs": 200, "torch_version": "none"}


def page_of(runs, planned=None):
    planned = len(runs) if planned is None else planned
    return regimes_markdown(regime_map(runs).assign_attrs(ATTRIBUTES, planned_runs=planned))


@pytest.fixture(scope="module")
def page():
    return page_of(planted_map())


def of(page, title):
    """The section of an optimiser or of the laws."""
    return page.split(f"## {title}\n")[1].split("\n## ")[0]


def test_the_words_say_where_a_bias_makes_the_error_plateau(page):
    for title in ("SGD with momentum", "Adam"):
        words = of(page, title)
        assert "- A bias makes the error plateau: depth 8 at 0.4 to 0.5." in words
        # The planted loss plateau ends 0.2 later with the bias, too: it is not depth's.
        assert "- Depth makes the loss plateau: nowhere." in words
        assert "- The loss plateau is as long, but a bias moves its end: depth 8 at 0.4 to 0.5." in words
        assert "- Neither: depth 2 at 0.4 to 1; depth 8 at 1." in words


def test_the_tables_hold_the_planted_numbers(page):
    words = of(page, "Adam")
    table = words.split("End of the error plateau, bias in the last layer:\n\n")[1].split("\n\n")[0]
    assert table.splitlines() == [
        r"| depth \ scale | 0.4 | 0.5 | 1 |",
        "| --- | --- | --- | --- |",
        "| 2 | 0.10 | 0.10 | 0.10 |",
        "| 8 | 0.30 | 0.30 | 0.10 |",
    ]


def test_the_laws_shares_are_those_counted_by_hand(page):
    words = of(page, "The laws' borders")
    assert "| scale^depth | before training: at most 0.005 | 1.000 (1.000 to 1.000) |" in words
    assert "| constant guess | | 0.667 (0.667 to 0.667) |" in words
    assert "0.333 (0.333 to 0.333)" in next(line for line in words.splitlines() if line.startswith("| M2 "))
    ends = of(page, "Where the laws put the ends")
    # By M2 the error ends at 0.3 everywhere, as planted where the bias makes it: 4 runs an optimiser.
    assert "| M2, error | 0.000 (0.000), 4 runs | 0.000 (0.000), 4 runs |" in ends


def test_what_is_missing_is_said():
    runs = pair(8, 0.4, 400, effect=0.2, status="stagnated") + pair(8, 1.0, 400, effect=0.0)
    page = page_of(runs, planned=7)
    assert "- Not known, no pair of runs at its target: depth 8 at 0.4." in page
    assert "**This is a part of the map: 3 runs are not there yet.**" in page
    assert "4 runs, 2 of them not at their" in page
    assert "part of the map" not in page_of(runs)


def test_the_page_in_docs_is_that_of_the_shipped_data(tmp_path):
    found = CliRunner().invoke(app, ["figures", "--page", str(tmp_path), "--shipped"])
    assert found.exit_code == 0, found.output
    assert (tmp_path / "regimes.md").read_text() == (ROOT / "docs" / "regimes.md").read_text()
