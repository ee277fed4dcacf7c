"""docs/figures: a page for every figure, with the words of the data that the package ships."""

import pytest

from paper_figures.catalogue import FIGURES
from paper_figures.figure_files import figure_texts
from paper_figures.sources import shipped_data
from tests.helpers.paths import ROOT

PAGES = ROOT / "docs" / "figures"
RUN_THIS = "run `mli figures --shipped --format png --output docs/figures`, and remove its captions (*.txt)"


@pytest.mark.parametrize("name", FIGURES)
def test_the_page_is_that_of_the_shipped_data(name):
    _, page = figure_texts(name, shipped_data(name), f"{name}.png")
    kept = PAGES / f"{name}.md"
    assert kept.is_file(), RUN_THIS
    assert kept.read_text(encoding="utf-8") == page, RUN_THIS
    assert (PAGES / f"{name}.png").is_file(), RUN_THIS


def test_no_page_is_left_over():
    assert {path.stem for path in PAGES.iterdir() if path.stem != "index"} == set(FIGURES)
