"""The page of a diagnosis: one sound file with the diagnosis' own numbers, the same bytes twice."""

import json
import re

import numpy as np
import pytest

from simulations.datasets import load
from tests.validation.helpers.planted_networks import planted_network
from tests.validation.html_report.test_report_page import Page, dict_of_scripts
from validation.diagnosis.accounts import diagnose
from validation.diagnosis.report import diagnosis_data
from validation.html_report.diagnosis_page import write_diagnosis_page

CERTIFICATE = (("plateau", "open: <none> is proved"), ("error", "0.9 to 0.91 at 0"))


@pytest.fixture(scope="module")
def found():
    digits = load("digits", limit=200)
    return diagnose(*planted_network("imposed gap", digits), digits, alphas=21, notes=("A <b>note</b>.",))


@pytest.fixture(scope="module")
def page(found, tmp_path_factory):
    path = write_diagnosis_page(tmp_path_factory.mktemp("page"), found, certificate=CERTIFICATE)
    assert path.name == "report.html"
    assert path.stat().st_size < 2_000_000
    return Page(path.read_text())


def test_every_curve_account_and_retention_is_on_it(found, page):
    numbers = json.loads(dict_of_scripts(page)["numbers"])
    assert numbers["lines"][0]["name"] == "linear"
    for line in numbers["lines"]:
        if line["name"] == "theory":
            np.testing.assert_allclose(line["loss"], found.theory.loss, rtol=1e-5)
            continue
        one = found.curves.sel(counterfactual=line["name"])
        np.testing.assert_allclose(line["loss"], one["loss"], rtol=1e-5)
        error = one["error"].to_numpy()
        shown = [value for value in line["error"] if value is not None]
        np.testing.assert_allclose(shown, error[len(error) - len(shown) :], rtol=1e-5)
        end = found.ends[line["name"]].error
        assert line["ends"]["error"] == (pytest.approx(end, rel=1e-5) if np.isfinite(end) else None)
    assert {one["name"]: one["value"]["error"] for one in numbers["accounts"]} == pytest.approx(
        {name: ends.error for name, ends in found.accounts.items()}, rel=1e-5
    )
    assert numbers["retention"] == pytest.approx(found.law.retention)
    boxes = [attrs["data-line"] for attrs, _ in page.all("input")]
    assert boxes == [line["name"] for line in numbers["lines"]]


def test_words_of_the_diagnosis_are_on_it_and_are_never_markup(found, page):
    sections = {attrs["id"]: text for attrs, text in page.all("section")}
    for sentence in diagnosis_data(found)["verdict"]:
        assert " ".join(sentence.replace("**", "").split()) in sections["verdict"]
    assert "A <b>note</b>." in sections["verdict"]
    assert "open: <none> is proved" in sections["certificate"]
    assert not page.all("b")
    assert not page.all("none")
    assert diagnosis_data(found)["roles"]["in_words"] in sections["roles"]


def test_it_is_one_sound_file_that_asks_for_nothing(page):
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    for name in ("src", "href"):
        assert all(address.startswith(("#", "data:")) for address in page.attributes(name))
    assert {a.removeprefix("#") for a in page.attributes("href") if a.startswith("#")} <= set(ids)
    assert len(page.all("caption")) == len(page.all("table"))
    assert not re.search(r"@import|url\(", "".join(text for _, text in page.all("style")))


def test_without_a_certificate_there_is_no_section_of_one_and_the_bytes_repeat(found, tmp_path):
    first, second = (write_diagnosis_page(tmp_path / name, found).read_text() for name in ("one", "two"))
    assert first == second
    assert 'id="certificate"' not in first
