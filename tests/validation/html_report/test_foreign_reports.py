"""A report's folder that anybody made: nothing from elsewhere is shown, and misshapen data are one line."""

import csv
import json

import pytest
from typer.testing import CliRunner

from mli.commands.application import app
from simulations.runs.store import Store
from validation.html_report.measured_lines import read_lines
from validation.html_report.source import copy_report, find_figures
from validation.html_report.tables import write_tables

CLAIM = {"id": "C1", "title": "t", "verdict": "supported", "criteria": []}


def test_figures_and_captions_that_are_links_out_of_their_folder_are_left_out(tmp_path):
    secret, folder = tmp_path / "secret.png", tmp_path / "report" / "figures"
    secret.write_bytes(b"secret")
    (tmp_path / "secret.txt").write_text("secret words")
    folder.mkdir(parents=True)
    (folder / "F1.png").symlink_to(secret)
    (folder / "F2.png").write_bytes(b"own")
    (folder / "F2.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "F3.png").symlink_to(folder / "F2.png")  # within its folder
    found = find_figures([folder])
    assert [figure.name for figure in found] == ["F2", "F3"]
    assert not any("secret" in figure.caption for figure in found)
    (folder.parent / "report.json").write_text("{}")
    (folder.parent / "report.md").write_text(
        "![](figures/F1.png) ![](figures/F2.png) ![](figures/../../secret.txt)"
    )
    copy_report(folder.parent, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == [
        "F2.png",
        "report.json",
        "report.md",
    ]


def test_text_that_a_spreadsheet_would_compute_is_quoted(tmp_path):
    row = {"a": "=1+1", "b": -0.5, "c": "-0.5", "d": "@x", "e": "plain", "f": None, "g": "+SUM(A1)"}
    write_tables(tmp_path, {"t": [row]})
    with (tmp_path / "t.csv").open(newline="") as file:
        (found,) = csv.DictReader(file)
    assert list(found.values()) == ["'=1+1", "-0.5", "-0.5", "'@x", "plain", "", "'+SUM(A1)"]


@pytest.mark.parametrize(
    "data",
    [
        {"claims": [CLAIM | {"criteria": 3}]},
        {"claims": [CLAIM | {"criteria": [{"key": "a"}]}]},
        {"claims": [CLAIM], "runs": 7},
        {"claims": [CLAIM], "runs": [3]},
        {"claims": [CLAIM], "left_out": "x"},
        {"claims": "all"},
        [1],
        None,
    ],
    ids=range(8),
)
def test_a_misshapen_report_is_one_line_and_2(tmp_path, data):
    (tmp_path / "report.json").write_text(json.dumps(data))
    found = CliRunner().invoke(
        app,
        [
            "report",
            "--input",
            str(tmp_path),
            "--output",
            str(tmp_path / "out"),
            "--figures",
            str(tmp_path / "none"),
        ],
    )
    assert found.exit_code == 2, (found.output, found.exception)
    assert "report.json" in found.stderr
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("text", ["[" * 100000, '{"claims": ' + "9" * 5000 + "}", "\ufeff", ""])
def test_a_report_that_is_no_json_is_one_line_and_2(tmp_path, text):
    (tmp_path / "report.json").write_text(text)
    found = CliRunner().invoke(app, ["report", "--input", str(tmp_path), "--output", str(tmp_path / "out")])
    assert found.exit_code == 2, (found.output, found.exception)
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["../elsewhere/run", "..", ".", "", "a\0b", "/etc"])
def test_the_names_of_runs_lead_to_no_folder_but_the_stores_own(tmp_path, monkeypatch, name):
    def outside(self, run, *_):
        raise AssertionError(f"{run!r} was looked for")

    monkeypatch.setattr(Store, "is_finished", outside)
    assert read_lines(tmp_path, [{"run": name, "status": "reached", "arm": "a"}]) == []
