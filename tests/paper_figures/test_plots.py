"""`mli.plots`: every function draws the numbers of a result and returns its axes."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from mli import plots
from mli_theory import predict_curves
from simulations.gradient_flow import integrate
from validation.diagnosis.accounts import LineEnds
from validation.metrics.curve_shape import plateau_end

ALPHAS = np.linspace(0, 1, 41)


def curves(end=0.5, classes=3):
    falls = np.interp(ALPHAS, [0, end, 1], [1, 0.9, 0])
    shares = np.full((ALPHAS.size, classes), 1 / classes)
    shares[4:17] = np.eye(classes)[1]
    return xr.Dataset(
        {
            "loss": ("alpha", 2 * falls),
            "error": ("alpha", 0.9 * falls),
            "class_share": (("alpha", "predicted_class"), shares),
            "class_error": (("alpha", "label"), np.outer(falls, np.arange(1, classes + 1) / classes)),
        },
        coords={"alpha": ALPHAS, "predicted_class": np.arange(classes), "label": np.arange(classes)},
    )


def diagnosis(**changes):
    both = xr.concat([curves(0.6), curves(0.2)], dim="counterfactual")
    both = both.assign_coords(counterfactual=["linear", "last bias removed"])[["loss", "error"]]
    theory = predict_curves(np.array([[9.0, 0.0], [0.0, 9.0]]), [1.0, -1.0], [0, 1], 4, ALPHAS)
    return SimpleNamespace(
        curves=both,
        theory=theory,
        accounts={"depth": LineEnds(0.2, 0.1), "initialisation": LineEnds(float("nan"), -0.3)},
        account_errors={"depth": LineEnds(0.01, 0.02), "initialisation": LineEnds(float("nan"), 0.0)},
        law=SimpleNamespace(retention={"0.weight": 0.5, "2.weight": 0.25}),
        left_out={},
        **changes,
    )


@pytest.fixture
def pair():
    return Figure().subplots(1, 2)


@pytest.fixture
def ax():
    return Figure().subplots()


def line(ax, label):
    (found,) = [one for one in ax.get_lines() if one.get_label() == label]
    return found


def test_line_draws_both_quantities_their_ends_and_the_held_stretch(pair):
    theory = predict_curves(np.array([[9.0, 0.0], [0.0, 9.0]]), [1.0, -1.0], [0, 1], 4, ALPHAS)
    found = plots.line(curves(), theory, held=0.99, axes=pair)
    assert list(found) == list(pair)
    for ax, quantity in zip(pair, ("loss", "error"), strict=True):
        values = curves()[quantity].to_numpy()
        np.testing.assert_array_equal(line(ax, "measured").get_ydata(), values)
        np.testing.assert_array_equal(line(ax, "prediction").get_ydata(), getattr(theory, quantity))
        ring = line(ax, "end of its plateau")
        assert ring.get_xdata() == [pytest.approx(plateau_end(ALPHAS, values))]
        assert ring.get_ydata() == [pytest.approx(np.interp(ring.get_xdata()[0], ALPHAS, values))]
        (shade,) = ax.patches
        assert shade.get_x() == pytest.approx(0.1)
        assert shade.get_x() + shade.get_width() == pytest.approx(0.4)
        assert shade.get_label() == "class 1 has at least 99 %"


def test_networks_have_a_colour_each_and_one_name_for_their_rings(pair):
    plots.networks({"deep": curves(0.6), "shallow": curves(0.2)}, axes=pair)
    for ax in pair:
        assert line(ax, "deep").get_color() != line(ax, "shallow").get_color()
        labels = [text.get_text() for text in ax.get_legend().get_texts()]
        assert labels == ["deep", "end of its plateau", "shallow"]
        rings = [one for one in ax.get_lines() if one.get_gid() == "end of plateau"]
        assert [one.get_color() for one in rings] == [line(ax, n).get_color() for n in ("deep", "shallow")]
    with pytest.raises(ValueError, match="at least one network"):
        plots.networks({})


def test_holders_and_classes_draw_every_class(ax):
    plots.holders(curves(), ax=ax)
    tops = [one.get_paths()[0].vertices[:, 1].max() for one in ax.collections]
    assert len(tops) == 3
    assert tops[-1] == pytest.approx(1)  # stacked: all predictions
    other = plots.classes(curves(), ax=Figure().subplots())
    for c in range(3):
        np.testing.assert_array_equal(line(other, f"class {c}").get_ydata(), curves()["class_error"][:, c])
    for draw, name in ((plots.holders, "class_share"), (plots.classes, "class_error")):
        with pytest.raises(ValueError, match=rf"curves must hold {name}\(alpha, "):
            draw(curves().drop_vars(name))


def test_otherwise_has_the_own_line_on_top_with_its_end_ringed(pair):
    found = diagnosis()
    plots.otherwise(found, axes=pair)
    for ax, quantity in zip(pair, ("loss", "error"), strict=True):
        own = line(ax, "your line")
        np.testing.assert_array_equal(own.get_ydata(), curves(0.6)[quantity])
        others = [one for one in ax.get_lines() if one is not own and one.get_marker() in ("None", "")]
        assert len(others) == 2  # the counterfactual and the theory
        assert all(own.get_zorder() > one.get_zorder() for one in others)
        assert all(own.get_linewidth() > one.get_linewidth() for one in others)
        rings = [one.get_xdata()[0] for one in ax.get_lines() if one.get_gid() == "end of plateau"]
        assert rings == pytest.approx(
            [plateau_end(ALPHAS, curves(e)[quantity].to_numpy()) for e in (0.2, 0.6)]
        )


def test_accounts_and_layers_are_bars_of_their_numbers(ax):
    plots.accounts(diagnosis(), ax=ax)
    widths = {
        container.get_label(): [bar.get_width() for bar in container]
        for container in ax.containers
        if hasattr(container, "patches")
    }
    assert widths == {
        "the error's plateau": [0.2],
        "the loss's plateau": [0.1, -0.3],
    }  # none where there is none
    kept = plots.layers(diagnosis(), ax=Figure().subplots())
    assert [bar.get_width() for bar in kept.patches] == [0.5, 0.25]
    assert [text.get_text() for text in kept.get_yticklabels()] == ["0.weight", "2.weight"]
    without = diagnosis()
    without.law, without.left_out = None, {"depth": "attention"}
    with pytest.raises(ValueError, match="no retention: attention"):
        plots.layers(without)


def test_weights_and_biases_are_those_of_the_flow(pair):
    flow = integrate(np.array([[[0.2, 0.0], [0.0, 0.1]]]), 3, 1e-2)
    plots.weights_and_biases(flow, axes=pair)
    shown = flow["time"].isel(seed=0).to_numpy() > 0
    for c in range(2):
        weights = flow["weights"].isel(seed=0).to_numpy()[shown, c, c]
        np.testing.assert_array_equal(line(pair[0], f"class {c}").get_ydata(), weights)
        bias = flow["bias"].isel(seed=0).to_numpy()[shown, c]
        np.testing.assert_array_equal(line(pair[1], f"class {c}").get_ydata(), bias)
    with pytest.raises(ValueError, match="seed must be a position from 0 to 0, got 1"):
        plots.weights_and_biases(flow, seed=1)


def test_without_axes_a_figure_of_pyplot_is_made():
    before = plt.get_fignums()
    found = plots.holders(curves())
    assert len(plt.get_fignums()) == len(before) + 1
    plt.close(found.figure)


def test_the_doors_names_are_the_rooms():
    from paper_figures import plots as room

    assert plots.__all__ == room.__all__
    assert all(getattr(plots, name) is getattr(room, name) for name in plots.__all__)
    assert all(f"plots.{name}(" in plots.__doc__ for name in plots.__all__)
