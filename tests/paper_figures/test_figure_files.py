"""Figures as files: the same bytes twice, fonts inside, captions and numbers beside them, data labelled."""

import csv
import re

import numpy as np
import pytest
import xarray as xr
from matplotlib import rcParams

from paper_figures.drawing.captions import IN_NUMBERS
from paper_figures.drawing.style import FORMATS, Layout, save_figure
from paper_figures.figure_files import figure_formats, long_table, write_data, write_figure
from paper_figures.figures import f01_lines, f06_imposed_bias, f10_accuracy
from tests.paper_figures.helpers.planted_runs import accuracy, experiment


@pytest.fixture(scope="module")
def lines():
    return f01_lines.collect(experiment("star")).assign_attrs(shipped="")


def test_a_second_run_writes_the_same_bytes_and_leaves_no_trace(lines, tmp_path):
    settings = dict(rcParams)
    first = write_figure(tmp_path / "one", "F1", lines)
    second = write_figure(tmp_path / "two", "F1", lines)
    assert [path.name for path in first] == ["F1.pdf", "F1.png", "F1.svg", "F1.txt", "F1.md"]
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes()
    assert dict(rcParams) == settings
    assert {path.name for path in (tmp_path / "one").iterdir()} == {path.name for path in first}


def test_pdf_and_svg_are_vectors_with_their_fonts_and_without_dates(lines, tmp_path):
    pdf, svg, *_ = write_figure(tmp_path, "F1", lines, ("pdf", "svg"))
    content = pdf.read_bytes()
    assert b"CreationDate" not in content
    assert b"/FontFile2" in content  # TrueType, embedded
    assert not re.search(rb"/Subtype /Type3\b", content)
    assert b"/Subtype /Image" not in content
    drawing = svg.read_text()
    assert "<dc:date>" not in drawing
    assert "<image" not in drawing
    assert "font-family" not in drawing  # glyphs are paths: no reader has to have the font


def test_the_caption_stands_beside_the_figure(lines, tmp_path):
    *_, text, page = write_figure(tmp_path, "F1", lines, ("png",))
    assert text.read_text() == f01_lines.caption(lines) + "\n"
    head, picture, caption, heading, numbers = page.read_text().split("\n\n")
    assert head == "# F1: Loss and error on the line"
    assert picture.endswith("](F1.png)")
    assert caption == f01_lines.caption(lines)
    assert heading == IN_NUMBERS
    assert numbers == "\n".join(f"- {sentence}" for sentence in f01_lines.details(lines)) + "\n"


def test_shipped_data_are_labelled_on_the_figure_and_in_its_caption(lines, tmp_path):
    _, own, _ = write_figure(tmp_path / "own", "F1", lines, ("png",))
    figure, text, _ = write_figure(tmp_path, "F1", lines.assign_attrs(shipped="2020-01-02"), ("svg",))
    assert (
        "data shipped with the package, made 2020-01-02" in figure.read_text()
    )  # svg keeps text as comments
    assert text.read_text().endswith("(Data shipped with the package, made 2020-01-02.)\n")
    assert "shipped" not in own.read_text()


def test_a_figure_that_cannot_be_drawn_leaves_no_file(lines, tmp_path):
    with pytest.raises(KeyError):
        write_figure(tmp_path, "F1", lines.drop_vars("loss_mean"))
    assert list(tmp_path.iterdir()) == []


def test_formats():
    assert figure_formats("pdf, PNG,pdf") == ("pdf", "png")
    assert figure_formats(",".join(FORMATS)) == FORMATS
    for bad in ("gif", "pdf,gif", "", " , "):
        with pytest.raises(ValueError, match="formats are pdf, png, svg"):
            figure_formats(bad)
    with pytest.raises(ValueError, match="not as 'gif'"):
        save_figure("unused", "x", print, Layout(1, 1, 1, 1), formats=("gif",))


def test_the_table_has_a_row_for_every_number_that_is_drawn(tmp_path):
    dataset = f06_imposed_bias.collect(experiment("imposed_bias")).assign_attrs(figure="F6", shipped="")
    text = write_data(tmp_path, "F6", dataset).read_text()
    comments = [line for line in text.splitlines() if line.startswith("#")]
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    assert any(line.startswith("# runs: imposed_bias-") for line in comments)
    values = [row for row in rows if row["quantity"] == "value"]
    assert len(values) == np.isfinite(dataset["value"]).sum()  # where there is no number there is no row
    for row in values[:: max(1, len(values) // 20)]:
        panel = list(dataset["panel"].to_numpy()).index(row["panel"])
        found = (
            dataset["value"]
            .isel(panel=panel, place=int(row["place"]))
            .sel(line=row["line"], seed=int(row["seed"]))
        )
        assert np.float32(row["value"]) == found
    assert {row["panel"] for row in rows if row["quantity"] == "x_label"} == set(dataset["panel"].to_numpy())


def test_words_with_commas_are_quoted_in_the_table():
    header, first, *_ = long_table(f10_accuracy.collect(accuracy()))
    assert header == ["quantity", "network", "way", "setting", "value"]
    assert first == ["passes", '"a network, data"', "adaptive", "0", "12.0"]
    table = long_table(xr.Dataset({"n": ("word", [1, 2])}, coords={"word": ['say "a"', "b"]}))
    assert table[1:] == [["n", '"say ""a"""', "1"], ["n", "b", "2"]]
