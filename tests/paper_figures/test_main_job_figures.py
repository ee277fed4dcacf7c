"""The main job's figures: F1, F4 and F3 of its own runs, the same bytes twice."""

import pytest

from paper_figures.figures import f01_lines, f03_power_model, f04_plateau_end
from paper_figures.figures.f03_power_model import power_model_flows
from paper_figures.main_job_figures import save_main_job_figures
from tests.validation.helpers.planted import planted
from validation.claims.observations import Observations
from validation.html_report.source import find_figures
from validation.job.main_job import Outcome

NAMES = ("centre_curve", "plateau_end", "power_model_time")


@pytest.fixture(scope="module")
def flows():
    return tuple(power_model_flows((100,)))


def outcome(flows, **truth):
    runs = planted(seeds=range(100, 102), **truth)
    return Outcome(None, runs.runs, Observations(runs.runs, flows, runs.left_out), ())


def test_files_are_the_same_twice(flows, tmp_path):
    first = save_main_job_figures(tmp_path / "one", outcome(flows))
    second = save_main_job_figures(tmp_path / "two", outcome(flows))
    assert [path.name for path in first] == [
        f"{name}.{suffix}" for name in NAMES for suffix in ("png", "pdf", "txt", "md")
    ]
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_without_a_run_the_figure_says_so(tmp_path):
    nothing = outcome((), status="stagnated")
    assert not nothing.observations.runs
    for path in save_main_job_figures(tmp_path, nothing):
        assert path.stat().st_size > (10 if path.suffix in (".txt", ".md") else 1_000)


def test_the_captions_are_those_of_the_pictures_that_were_drawn(flows, tmp_path):
    """They are written by the code that draws, so that a page that shows the picture shows its caption."""
    runs = outcome(flows)
    save_main_job_figures(tmp_path, runs)
    star = list(runs.observations.runs)
    drawn = {
        "centre_curve": (f01_lines, [run for run in star if run.attrs["arm"] in ("centre", "bias-none")]),
        "plateau_end": (f04_plateau_end, star),
        "power_model_time": (f03_power_model, list(flows)),
    }
    captions = {figure.name: figure.caption for figure in find_figures([tmp_path])}
    assert set(captions) == set(drawn)
    for name, (figure, data) in drawn.items():
        number, _, words = figure.caption(figure.collect(data)).partition(". ")
        assert number[0] == "F"
        assert captions[name] == f"{words} (Data of the runs of this report.)"
