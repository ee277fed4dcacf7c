"""`mli report`: complete, self-contained, sound HTML, the same bytes twice, clear about what is missing."""

import csv
import itertools
import json
import math
import re
import shutil
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
from typer.testing import CliRunner

from mli.commands.application import app
from tests.helpers.paths import ROOT
from tests.validation.helpers.page_formulas import SOURCE
from tests.validation.helpers.reported import validated
from validation.html_report.blocks import blocks, legible
from validation.html_report.measured_lines import measured_lines, read_lines
from validation.html_report.source import find_figures
from validation.html_report.theorem_rows import theorem_place
from validation.html_report.write import write_report_page
from validation.text.theory_statements import STATEMENTS

VOID = {"meta", "link", "input", "img", "br"}


class Page(HTMLParser):
    """Elements with their attributes and text; every element that is opened must be closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        for element in self.open:
            element[2].append(data)

    def all(self, tag):
        return [
            (attrs, " ".join("".join(text).split())) for name, attrs, text in self.elements if name == tag
        ]

    def attributes(self, name):
        return [attrs[name] for _, attrs, _ in self.elements if name in attrs]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("validate")
    validated(folder)
    return folder


@pytest.fixture(scope="module")
def output(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report_page(source, source / "store", folder / "no figures", folder)
    return folder


@pytest.fixture(scope="module")
def page(output):
    return Page((output / "report.html").read_text())


def report_of(source):
    return json.loads((source / "report.json").read_text())


def changed(source, folder, change):
    """The page of a report after `change` was made to its data."""
    data = report_of(source)
    change(data)
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps(data))
    return write_report_page(folder, folder / "store", folder / "figures", folder / "out").read_text()


def table(output, name):
    with (output / "tables" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


# What is in it.


def test_every_claim_is_there_with_its_verdict_rule_and_numbers(source, page):
    sections = {attrs["id"]: text for attrs, text in page.all("section")}
    for claim in report_of(source)["claims"]:
        text = sections[claim["id"]]
        for words in (claim["title"], claim["statement"], claim["hypotheses"], claim["verdict"]):
            assert " ".join(words.split()) in text
        for criterion in claim["criteria"]:
            assert " ".join(criterion["measures"].split()) in text
            side = f"the mean is {criterion['side']} {legible(criterion['threshold'])} {criterion['unit']}"
            assert side in text
            if criterion["mean"] is not None:
                assert legible(criterion["mean"]) in text
                assert criterion["reason"] in text
    assert all(verdict in sections["verdicts"] for verdict in ("supported", "undecided: no data"))


def test_every_seed_is_a_cell_and_a_dot(source, page):
    rows = [text for _, text in page.all("tr")]
    numbers = json.loads(dict_of_scripts(page)["numbers"])
    for claim, plotted in zip(report_of(source)["claims"], numbers["claims"], strict=True):
        for criterion, dots in zip(claim["criteria"], plotted["criteria"], strict=True):
            assert dots["by_seed"] == criterion["by_seed"]
            if criterion["mean"] is not None:
                row = "value" + "".join(legible(value) for value in criterion["by_seed"].values())
                assert row in rows


def dict_of_scripts(page):
    return {
        attrs.get("id", i): "".join(t) for i, (tag, attrs, t) in enumerate(page.elements) if tag == "script"
    }


def test_the_formulas_are_the_tested_ones(page):
    assert SOURCE in dict_of_scripts(page).values()


def test_lines_are_means_and_ranges_over_the_seeds(source):
    runs = read_lines(source / "store", report_of(source)["runs"])
    lines = measured_lines(runs)
    assert [(line["arm"], line["path"]) for line in lines] == [
        *(("centre", path) for path in ("linear", "homogeneous", "weights", "bias")),
        ("bias-none", "linear"),
    ]
    for line in lines:
        loss = np.array([run.loss for run in runs if (run.arm, run.path) == (line["arm"], line["path"])])
        assert line["seeds"] == len(loss) == 12
        for key, expected in (("mean", loss.mean(0)), ("low", loss.min(0)), ("high", loss.max(0))):
            np.testing.assert_allclose(line["loss"][key], expected, rtol=1e-5)


def test_lines_are_of_the_reports_runs_that_reached_their_target(source):
    runs = report_of(source)["runs"]
    runs[0]["status"] = "stagnated"
    assert [line["seeds"] for line in measured_lines(read_lines(source / "store", runs))] == [11] * 4 + [12]
    assert not read_lines(source / "no store", runs)
    assert not read_lines(source / "store", [{"arm": "centre", "seed": 100, "status": "reached"}])


def test_a_damaged_run_is_named_and_nothing_is_written(source, tmp_path):
    folder = shutil.copytree(source, tmp_path / "validate")
    name = report_of(source)["runs"][0]["run"]
    (folder / "store" / name / "curves" / "linear.nc").write_bytes(b"other bytes")
    result = CliRunner().invoke(app, ["report", "--input", str(folder), "--output", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "linear.nc is not what was written" in result.output
    assert not list((tmp_path / "out").glob("*"))


def test_keys_that_this_version_does_not_know_are_shown(source, tmp_path):
    def change(data):
        data["claims"][4]["hypotheses_checked"] = {"equal classes": True, "zero_start": "not met"}
        data["claims"][4]["criteria"][0]["cohens_d"] = 1.25
        data["store"] = {"name": "a store", "runs": 84}
        data["claims"][4]["evidence"]["arms"] = {"imposed_bias/imposed_bias_gap=2.0": {"by_seed": {"1": 3.0}}}

    text = changed(source, tmp_path / "in", change)
    for word in ("hypotheses checked", "zero start", "not met", "cohens d", "1.25", "a store"):
        assert word in text
    assert "imposed_bias/imposed_bias_gap=2.0" in text


def test_predictions_checks_and_left_out_criteria_are_shown(source, tmp_path):
    check = {"hypothesis": "equal classes", "how": "counted", "state": "met in part", "met": 83, "of": 84}
    law = {"by_seed": {str(seed): 0.5 for seed in range(10)}, "mean": 0.515}
    law |= {"interval_95_percent": [0.45, 0.55]}
    difference = {
        "measured_minus_predicted": -0.234,
        "measured_minus_predicted_interval_95_percent": None,
    }

    def change(data):
        claim = data["claims"][4]
        claim["checks"] = [check | {"smallest": None, "largest": 1.0, "mean": 0.98}]
        claim["left_out_criteria"] = [{"key": "imposed_gap", "only_with": "runs of imposed_bias"}]
        claim["criteria"][0]["predicted"] = {"M2": law | difference}

    page = Page(changed(source, tmp_path / "in", change))
    rows = [text for _, text in page.all("tr")]
    assert "equal classesmet in part83840.98–1counted" in rows
    assert "M20.5150.45 to 0.55−0.234–" in rows
    section = next(text for attrs, text in page.all("section") if attrs["id"] == "C5")
    assert "Theory says ◇ 0.515 M2." in section
    assert "Judged without imposed gap, which needs runs of imposed_bias." in section


def test_a_report_of_bare_verdicts_is_still_a_page(tmp_path):
    claim = {"id": "C1", "title": "A title", "verdict": "undecided", "criteria": []}
    (tmp_path / "report.json").write_text(json.dumps({"claims": [claim]}))
    page = Page(
        write_report_page(tmp_path, tmp_path / "none", tmp_path / "none", tmp_path / "out").read_text()
    )
    assert "A title" in " ".join(text for _, text in page.all("h3"))
    assert not {"lines", "figures"} & set(page.attributes("id"))
    assert not (tmp_path / "out" / "report.md").exists()


def test_a_smoke_run_says_so(source, tmp_path):
    assert "This is a smoke run" in changed(source, tmp_path / "in", lambda d: d["job"].update(name="smoke"))
    assert "This is a smoke run" not in changed(source, tmp_path / "in2", dict.copy)


def test_effect_sizes_stand_beside_p(source, page):
    rows = {text.split(" ·")[0]: text for _, text in page.all("tr") if " · " in text}
    for claim in report_of(source)["claims"]:
        row = rows[claim["id"]]
        assert legible(claim["p_holm"]) in row
        for criterion in claim["criteria"]:
            if criterion["mean"] is not None:
                sign = {"above": ">", "below": "<"}[criterion["side"]]
                assert legible(criterion["mean"]) in row
                assert f"{sign} {legible(criterion['threshold'])} {criterion['unit']}" in row


def test_every_theorem_is_there_and_each_claim_links_to_its_own(page):
    ids = page.attributes("id")
    assert all(theorem_place(name) in ids for name in STATEMENTS)
    sections = {attrs["id"]: text for attrs, text in page.all("section")}
    for name, one in STATEMENTS.items():
        for file in (*one.modules, *one.tests):
            assert file in sections["theorems"]
        for claim in one.claims:
            if claim in sections:
                assert name in sections[claim]
                assert f"validation/claims/{claim.lower()}.py" in sections[claim]
    linked = [a for a in page.attributes("href") if a.startswith("#theorem-")]
    assert len(linked) == sum(claim in sections for one in STATEMENTS.values() for claim in one.claims)


def test_files_are_links_only_where_the_page_is_told_of_the_repository(source, page, tmp_path):
    folder = source / "store"
    told = write_report_page(source, folder, tmp_path, tmp_path / "out", "https://x.example/blob/main//")
    files = {"docs/theory/T4p.md", "validation/claims/c3.py", "docs/verdicts.md"}
    files |= {file for one in STATEMENTS.values() for file in (*one.modules, *one.tests)}
    links = {f"https://x.example/blob/main/{file}" for file in files}
    assert links <= set(Page(told.read_text()).attributes("href"))
    assert not any(address.startswith("https:") for address in page.attributes("href"))
    assert all((ROOT / file).is_file() for file in files)


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "https://x.example/?a=b", "https://x.example/ a", "a#b"]
)
def test_an_address_that_files_cannot_stand_at_is_refused_before_any_work(source, tmp_path, address):
    options = ["--input", str(source), "--output", str(tmp_path / "out"), "--links", address]
    found = CliRunner().invoke(app, ["report", *options])
    assert found.exit_code == 2
    assert repr(address) in found.output
    assert not (tmp_path / "out").exists()


def test_without_figures_the_page_is_under_two_megabytes(source, tmp_path):
    (tmp_path / "report.json").write_bytes((source / "report.json").read_bytes())
    page = write_report_page(tmp_path, source / "store", tmp_path / "none", tmp_path / "out")
    assert page.stat().st_size < 2_000_000


# How it is made.


def test_the_page_asks_no_one_for_anything(page):
    for name in ("src", "href", "action", "poster", "srcset", "data"):
        assert all(address.startswith(("#", "data:")) for address in page.attributes(name)), name
    (policy,) = [attrs["content"] for attrs, _ in page.all("meta") if attrs.get("http-equiv")]
    assert policy.startswith("default-src 'none'")  # the browser itself refuses the rest
    assert "http" not in policy
    assert not re.search(r"@import|url\(", "".join(text for _, text in page.all("style")))


def test_names_labels_and_headings_are_sound(page):
    ids = Counter(page.attributes("id"))
    assert [name for name, count in ids.items() if count > 1] == []
    pointed = [a.removeprefix("#") for a in page.attributes("href") if a.startswith("#")]
    for name in ("for", "aria-labelledby", "aria-describedby"):
        pointed += " ".join(page.attributes(name)).split()
    assert set(pointed) <= set(ids)
    labelled = set(page.attributes("for"))
    for tag in ("input", "select"):
        assert all(attrs["id"] in labelled for attrs, _ in page.all(tag)), tag
    assert all(text for _, text in page.all("button"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(attrs.get("alt") for attrs, _ in page.all("img"))
    plots = [attrs for attrs, _ in page.all("div") if "plot" in attrs.get("class", "").split()]
    assert len(plots) > 15
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in plots)
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_words_of_a_report_are_words_never_markup(source, tmp_path):
    nasty = "<img src=x onerror=alert(1)></script><!-- & 'quoted'"

    def change(data):
        data["claims"][0]["title"] = nasty
        data["claims"][0]["criteria"][0]["unit"] = nasty
        data["claims"][0]["evidence"] = {nasty: {nasty: 1.0}}

    page = Page(changed(source, tmp_path / "in", change))
    assert not [attrs for attrs, _ in page.all("img") if attrs.get("src") == "x"]
    assert " ".join(nasty.split()) in " ".join(text for _, text in page.all("h3"))
    numbers = json.loads(dict_of_scripts(page)["numbers"])
    assert numbers["claims"][0]["criteria"][0]["unit"] == nasty


def test_the_same_input_gives_the_same_bytes(source, output, tmp_path):
    write_report_page(source, source / "store", tmp_path / "none", tmp_path)
    mine = sorted(path.relative_to(output) for path in output.rglob("*") if path.is_file())
    assert mine == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    for path in mine:
        assert (output / path).read_bytes() == (tmp_path / path).read_bytes(), path
    for name in ("report.json", "report.md", "figures/centre_curve.png"):
        assert (output / name).read_bytes() == (source / name).read_bytes()


def test_it_may_be_written_where_it_was_read(source, output, tmp_path):
    folder = shutil.copytree(source, tmp_path / "validate")
    write_report_page(folder, folder / "store", tmp_path / "none", folder)
    assert (folder / "report.html").read_bytes() == (output / "report.html").read_bytes()
    assert report_of(folder) == report_of(source)


def test_every_table_is_a_csv(source, output):
    claims = report_of(source)["claims"]
    assert [row["verdict"] for row in table(output, "verdicts")] == [claim["verdict"] for claim in claims]
    seeds = [
        (claim["id"], criterion["key"], seed, value)
        for claim in claims
        for criterion in claim["criteria"]
        for seed, value in criterion["by_seed"].items()
    ]
    found = [(r["claim"], r["criterion"], r["seed"], float(r["value"])) for r in table(output, "by_seed")]
    assert found == seeds
    assert len(table(output, "criteria")) == sum(len(claim["criteria"]) for claim in claims)
    assert len(table(output, "runs")) == 84
    assert len(table(output, "lines")) == 5 * 101
    evidence = {(r["claim"], r["number"]): r["value"] for r in table(output, "further_numbers")}
    mean = claims[4]["evidence"]["loss_plateau_end"]["centre"]["mean"]
    assert float(evidence["C5", "evidence/loss_plateau_end/centre/mean"]) == mean
    assert any(row["what"] == "versions/torch" for row in table(output, "provenance"))


def test_the_csv_of_an_earlier_report_does_not_stay(source, tmp_path):
    write_report_page(source, source / "store", tmp_path / "none", tmp_path / "out")
    assert (tmp_path / "out" / "tables" / "lines.csv").is_file()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "report.json").write_bytes((source / "report.json").read_bytes())
    write_report_page(tmp_path / "in", tmp_path / "none", tmp_path / "none", tmp_path / "out")
    assert not (tmp_path / "out" / "tables" / "lines.csv").exists()


# Figures.


def test_figures_are_embedded_with_their_captions(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for name in ("a/centre_curve.png", "a/F10_lines.png", "a/F10_lines.svg", "b/F2_gain.svg", "b/notes.pdf"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "b" / "F2_gain.txt").write_text("How the signal grows.\n")
    found = find_figures([tmp_path / "a", tmp_path / "b", tmp_path / "missing"])
    assert [figure.name for figure in found] == ["F2_gain", "F10_lines", "centre_curve"]
    assert found[0].caption == "How the signal grows. (Where its data come from is not recorded.)"
    assert found[1].is_drawing
    assert not found[2].is_drawing
    assert found[1].uri == "data:image/svg+xml;base64,YS9GMTBfbGluZXMuc3Zn"  # the SVG, not the PNG
    assert found[2].caption.startswith("Centre curve, without a caption.")
    assert [figure.shipped for figure in found] == [False] * 3
    (tmp_path / "b" / "F2_gain.txt").write_text("F2_gain. How it grows.\n")
    (tmp_path / "b" / "F2_gain.md").write_text(
        "# F2\n\n- no number\n\n## In numbers\n\n- One is 1.\n- Two is 2.\n"
    )
    (gain,) = find_figures([tmp_path / "b"])
    assert gain.numbers == ("One is 1.", "Two is 2.")
    assert gain.words.startswith("How it grows. (")  # its name is said once


def test_shipped_figures_stand_apart_from_those_of_the_users_runs(source, tmp_path):
    for name, end in (
        ("F1", "(Data shipped with the package, made 2026-01-02.)"),
        ("F2", "(Data of 9 runs.)"),
    ):
        (tmp_path / f"{name}.svg").write_text("<svg/>")
        (tmp_path / f"{name}.txt").write_text(f"{name}. A caption. {end}")
    text = write_report_page(source, source / "store", tmp_path, tmp_path / "out").read_text()
    heading = text.index("Not of these runs: drawn from the data shipped with the package")
    places = {name: text.index(f'id="figure-{name}"') for name in ("F1", "F2", "centre_curve")}
    assert max(places["F2"], places["centre_curve"]) < heading < places["F1"]


def test_the_pages_figures_are_those_beside_the_report(page):
    named = [text.split(".")[0] for _, text in page.all("figcaption") if "." in text]
    assert named[-2:] == ["centre_curve", "other_figure"]
    section = next(text for attrs, text in page.all("section") if attrs["id"] == "C3")
    assert "Drawn in centre_curve." in section


# Numbers and nested numbers in words.


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (0.05, "0.05"),
        (-0.000123, "−0.000123"),
        (1.23e-12, "1.23 × 10⁻¹²"),
        (math.pi * 1e6, "3.14 × 10⁶"),
        (12, "12"),
        (123456, "123\u202f456"),
        (-7, "−7"),
        (True, "yes"),
        ("linear", "linear"),
    ],
)
def test_numbers_are_legible(value, words):
    assert legible(value) == words


def test_nested_numbers_become_tables_where_their_rows_agree():
    over_seeds = {"mean": 2.0, "by_seed": {"1": 1.0, "2": 3.0}}
    found = blocks(
        {
            "one_number": 1.5,
            "over_seeds": over_seeds,
            "none_defined": {"mean": None, "by_seed": {"1": None}},
            "rows": {"centre": {"n": 3, "end": over_seeds}, "depth-2": {"n": 4}},
            "listed": [{"arm": "centre", "seed": 1}, {"arm": "centre", "seed": 2}],
            "deeper": {"rows": {"a": {"x": {"y": 1}}, "b": {"x": {"y": 2}}}},
            "empty": {},
        }
    )
    one, seeds, undefined, rows, listed, deeper = found
    assert (one.label, one.text, seeds.text, undefined.text) == ("one number", "1.5", "2 (1 to 3)", "–")
    assert rows.columns == ("", "n", "end")
    assert rows.rows == (("centre", "3", "2 (1 to 3)"), ("depth-2", "4", ""))
    assert listed.rows == (("1", "centre", "1"), ("2", "centre", "2"))
    assert deeper.inner[0].inner[0].columns == ("", "y")


# What is missing or wrong.


def test_without_a_report_the_command_that_makes_it_is_named(tmp_path):
    result = CliRunner().invoke(app, ["report", "--input", str(tmp_path), "--output", str(tmp_path / "o")])
    assert result.exit_code == 2
    assert f"there is no {tmp_path / 'report.json'}: make it with `mli validate`" in result.output
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"claims": [{"id": "C1"}]}', '{"claims": {}}', "\xff"])
def test_what_is_no_report_is_refused(tmp_path, text):
    (tmp_path / "report.json").write_bytes(text.encode("latin-1"))
    result = CliRunner().invoke(app, ["report", "--input", str(tmp_path), "--output", str(tmp_path / "o")])
    assert result.exit_code == 2
    assert "report.json" in result.output
    assert "`mli validate`" in result.output
    assert not (tmp_path / "o").exists()


def test_an_output_in_the_way_is_named(source, tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = CliRunner().invoke(app, ["report", "--input", str(source), "--output", str(tmp_path / "file")])
    assert result.exit_code == 1
    assert "file cannot be written" in result.output
