"""`draw_curves`: the artists on the axes are the numbers, and nothing else is touched."""

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from mli_theory.homogeneous_path.closed_form import predict_curves
from paper_figures.drawing.curves import draw_curves

ALPHAS = np.linspace(0, 1, 11)


def one_curve():
    return xr.Dataset(
        {
            "loss": ("alpha", 2 - ALPHAS),
            "error": ("alpha", 0.9 * (1 - ALPHAS)),
            "loss_standard_error": ("alpha", np.full(11, 0.1)),
        },
        coords={"alpha": ALPHAS},
    )


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.mark.parametrize(("quantity", "expected"), [("loss", 2 - ALPHAS), ("error", 0.9 * (1 - ALPHAS))])
def test_one_curve_is_one_line(ax, quantity, expected):
    draw_curves(ax, one_curve(), quantity=quantity)
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xdata(), ALPHAS)
    np.testing.assert_array_equal(line.get_ydata(), expected)
    assert quantity in ax.get_ylabel()
    assert ax.get_xlabel() == r"$\alpha$"


def test_standard_errors_are_a_band_of_two(ax):
    draw_curves(ax, one_curve())
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx(2.2)
    assert heights.min() == pytest.approx(0.8)


def test_a_prediction_is_dashed_black(ax):
    signal = np.array([[3.0, 0.0], [-1.0, 2.0]])
    theory = predict_curves(signal, [0.5, -0.5], [0, 1], 4, ALPHAS)
    draw_curves(ax, one_curve(), theory)
    _, predicted = ax.lines
    np.testing.assert_array_equal(predicted.get_ydata(), theory.loss)
    assert predicted.get_linestyle() == "--"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["measured", "prediction"]


def test_several_curves_are_named_by_their_labels(ax):
    both = xr.concat([one_curve(), one_curve() * 2], dim=xr.DataArray(["a", "b"], dims="path", name="path"))
    draw_curves(ax, both)
    assert [line.get_label() for line in ax.lines] == ["a", "b"]
    assert len({line.get_color() for line in ax.lines}) == 2
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), 2 * (2 - ALPHAS))


def test_another_network_is_drawn_beside_the_first(ax):
    draw_curves(ax, one_curve(), label="first")
    draw_curves(ax, one_curve() * 2, label="second")
    draw_curves(ax, one_curve() * 3, label="third", colour="#123456")
    drawn = [line for line in ax.lines if line.get_gid() == "curve"]
    assert [line.get_label() for line in drawn] == ["first", "second", "third"]
    assert len({line.get_color() for line in drawn}) == 3
    assert drawn[2].get_color() == "#123456"
    assert len(ax.get_legend().get_texts()) == 3


def test_both_quantities_need_a_pair():
    pair = Figure().subplots(1, 2)
    assert draw_curves(pair, one_curve(), quantity="both") is pair
    assert [ax.lines[0].get_ydata()[0] for ax in pair] == [2, 0.9]
    with pytest.raises(ValueError, match="needs two axes, for loss and error, got 3"):
        draw_curves(Figure().subplots(1, 3), one_curve(), quantity="both")
    with pytest.raises(ValueError, match="ax must be one matplotlib Axes, or two"):
        draw_curves(pair, one_curve())


def test_a_curve_that_does_not_fall_has_no_end_and_what_is_not_there_is_not_shaded(ax):
    draw_curves(ax, one_curve() * 0 + 1, ends=True)
    assert [line.get_gid() for line in ax.lines] == ["curve"]
    with pytest.raises(ValueError, match="held needs one curve with class_share"):
        draw_curves(ax, one_curve(), held=0.9)


def test_global_settings_are_left_alone(ax):
    before = dict(mpl.rcParams)
    draw_curves(ax, one_curve())
    assert dict(mpl.rcParams) == before


def test_bad_input_is_refused(ax):
    with pytest.raises(ValueError, match="quantity must be loss, error or both, got 'accuracy'"):
        draw_curves(ax, one_curve(), quantity="accuracy")
    with pytest.raises(ValueError, match=r"must hold error\(alpha\)"):
        draw_curves(ax, one_curve().drop_vars("error"), quantity="error")
    with pytest.raises(ValueError, match=r"must hold loss\(alpha\)"):
        draw_curves(ax, one_curve().mean("alpha"))
    assert not ax.lines
