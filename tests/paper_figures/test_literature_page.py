"""docs/literature.md: what came out is each figure's finding; the page is that of the data shipped."""

import re

from typer.testing import CliRunner

from mli.commands.application import app
from paper_figures.catalogue import FIGURES
from paper_figures.literature_page import FIGURES_TOLD, literature_markdown
from paper_figures.sources import figure_module, shipped_data
from simulations.specs.sweep_file import APART, read_sweep
from tests.helpers.paths import ROOT


def test_the_page_in_docs_is_that_of_the_data_shipped(tmp_path):
    said = CliRunner().invoke(app, ["figures", "--page", str(tmp_path), "--shipped"])
    assert said.exit_code == 0, said.output
    assert (tmp_path / "literature.md").read_text() == (ROOT / "docs" / "literature.md").read_text(), (
        "write it anew: mli figures --page docs --shipped"
    )


def test_each_figure_told_is_of_the_catalogue_and_its_finding_stands_in_the_page():
    page = literature_markdown(shipped_data)
    assert set(FIGURES_TOLD) <= set(FIGURES)
    for name in FIGURES_TOLD:
        assert f"{name}: {figure_module(name).finding(shipped_data(name))}" in page


def test_everything_that_a_paper_reports_has_what_came_out_or_why_not():
    looks = re.findall(r"^- \*\*.+?\*\*( \(`mli [^`]+`\))?\. (.*)$", literature_markdown(shipped_data), re.M)
    assert len(looks) == literature_markdown(shipped_data).count("\n- **")
    assert all(len(text) > 20 for _, text in looks), looks


def test_every_experiment_of_the_literature_is_named_with_its_figure():
    page = literature_markdown(shipped_data)
    named = set(re.findall(r"`mli sweep (\w+)`", page))
    assert named == set(APART) - {"regime_map"}
    for name in named:
        (figure,) = [f for f in FIGURES_TOLD if name in getattr(figure_module(f), "EXPERIMENTS", ())]
        shipped = shipped_data(figure)
        runs = set(shipped.attrs["runs"].split())
        if name != "language_model":  # whose names have the digest of this Python's text
            assert runs <= {run.spec.name for run in read_sweep(name).runs}
        assert shipped.attrs["n_runs"] == len(runs)
