"""The figures: their artists are the saved numbers, their files the same twice."""

import re

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mli_theory.homogeneous import predict_curves
from paper_figures import centre_curve, plateau_end, power_model_time
from paper_figures.main_job_figures import save_main_job_figures
from paper_figures.style import ERROR_COLOUR, LOSS_COLOUR
from tests.validation.planted import planted
from validation import metrics
from validation.main_job import Outcome
from validation.profiles import job_of


@pytest.fixture(scope="module")
def observations():
    return planted(seeds=range(100, 103))


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


@pytest.mark.parametrize(
    ("draw", "quantity"), [(centre_curve.draw_loss, "loss"), (centre_curve.draw_error, "error")]
)
def test_the_centre_curve_shows_measurement_and_prediction(observations, draw, quantity):
    run = observations.arm("centre")[100]
    ax = Figure().subplots()
    draw(ax, run)
    drawn = lines(ax)
    measured = run[quantity].sel(path="linear").to_numpy()
    np.testing.assert_array_equal(drawn["measured"].get_ydata(), measured)
    alphas = drawn["homogeneous prediction"].get_xdata()
    prediction = predict_curves(
        run["signal"].to_numpy(), run["bias"].to_numpy(), run["labels"].to_numpy(), 8, alphas
    )
    np.testing.assert_array_equal(drawn["homogeneous prediction"].get_ydata(), getattr(prediction, quantity))
    assert alphas[0] > 0  # at 0 itself all logits tie
    end = metrics.plateau_end(run["alpha"].to_numpy(), measured)
    assert drawn[f"plateau's end, {end:.2f}"].get_xdata()[0] == end
    if quantity == "error":
        (span,) = ax.patches
        assert span.get_x() == pytest.approx(0.05)
        assert span.get_x() + span.get_width() == pytest.approx(0.19)


def test_the_simple_model_shows_the_saved_weights_and_biases(observations):
    flow = observations.simple_model[0]
    weights, bias = Figure().subplots(1, 2)
    power_model_time.draw_weights(weights, flow)
    power_model_time.draw_bias(bias, flow)
    for ax, letter, values in ((weights, "W_ii", flow["weights"]), (bias, "b", flow["bias"])):
        assert len(ax.get_lines()) == 4
        for line in ax.get_lines():
            i = int(line.get_gid().removeprefix(letter))
            saved = values[:, i, i] if letter == "W_ii" else values[:, i]
            np.testing.assert_array_equal(line.get_ydata(), saved[1:])
    labels = [text.get_text() for text in weights.get_legend().get_texts()]
    assert [label[0] for label in labels] == ["0", "1", "2", "3"]  # by initial weight, largest first


def test_every_seed_is_a_dot(observations):
    ax = Figure().subplots()
    title, arms = plateau_end.PANELS[0]
    plateau_end.draw_plateau_ends(ax, observations, title, arms)
    for colour, quantity in ((LOSS_COLOUR, "loss"), (ERROR_COLOUR, "error")):
        dots = [
            line
            for line in ax.get_lines()
            if line.get_marker() == "o"
            and to_hex(line.get_color()) == colour.lower()
            and len(line.get_xdata())
        ]
        assert len(dots) == 3
        for seed, line in zip(range(100, 103), dots, strict=True):
            for value, (_, arm) in zip(line.get_ydata(), arms, strict=True):
                run = observations.arm(arm)[seed]
                curve = run[quantity].sel(path="linear").to_numpy()
                assert value == metrics.plateau_end(run["alpha"].to_numpy(), curve)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["2", "4", "8"]


def test_files_are_the_same_twice_and_leave_no_trace(observations, tmp_path):
    settings = dict(rcParams)
    outcome = Outcome(job_of("quick"), observations.runs, observations, ())
    first = save_main_job_figures(tmp_path / "one", outcome)
    second = save_main_job_figures(tmp_path / "two", outcome)
    assert [path.name for path in first] == [
        f"{name}.{suffix}"
        for name in ("centre_curve", "plateau_end", "power_model_time")
        for suffix in ("png", "pdf")
    ]
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes()
        if one.suffix == ".pdf":
            assert b"CreationDate" not in one.read_bytes()
            assert not re.search(rb"/Subtype /Type3\b", one.read_bytes())  # fonts are embedded as TrueType
            assert b"/FontFile2" in one.read_bytes()
    assert dict(rcParams) == settings


def test_a_centre_without_a_run_is_said_on_the_figure(tmp_path):
    nothing = planted(seeds=range(100, 102), status="stagnated")
    paths = save_main_job_figures(tmp_path, Outcome(job_of("quick"), nothing.runs, nothing, ()))
    assert all(path.stat().st_size > 0 for path in paths)
