"""F4, F6, F11: every seed is a dot, every mean a marker, every prediction a line of means."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from mli_theory import majority_exit
from paper_figures.figures import f04_plateau_end, f06_imposed_bias, f11_retention
from tests.paper_figures.helpers.drawn import drawn, line, said
from tests.paper_figures.helpers.planted_runs import ALPHAS, SEEDS, experiment, planted_run
from validation.metrics.curve_shape import plateau_end


def dots(ax, of):
    """The y values of the small dots in the colour of a line."""
    (found,) = [
        other
        for other in ax.get_lines()
        if other.get_linestyle() == "None" and to_hex(other.get_color()) == to_hex(of.get_color())
    ]
    return found.get_ydata()


def end(run, quantity, path="linear"):
    return plateau_end(ALPHAS, run[quantity].sel(path=path).to_numpy())


def test_f4_every_seed_is_a_dot_and_every_mean_a_marker():
    runs = experiment("depth_and_bias") + experiment("initial_scale")
    dataset, axes = drawn(f04_plateau_end, runs)
    assert axes.shape == (2, 3)  # depth on digits, depth on mnist, initial scale
    for row, quantity in enumerate(("error", "loss")):
        for mode, label in (("last", "last"), ("none", "no"), ("all", "all")):
            (name,) = [
                n for n in f04_plateau_end.LINES if n.startswith("bias in") and label in n.split()[2:4]
            ] or ["bias in the last layer"]
            mean = line(axes[row, 0], name)
            expected = [
                [
                    end(run, quantity)
                    for run in runs
                    if run.attrs["data"] == "digits"
                    and run.attrs["experiment"] == "depth_and_bias"
                    and (run.attrs["depth"], run.attrs["bias_mode"]) == (depth, mode)
                ]
                for depth in (2, 10)
            ]
            np.testing.assert_allclose(mean.get_ydata(), np.mean(expected, axis=1), rtol=1e-6)
            np.testing.assert_allclose(
                np.sort(dots(axes[row, 0], mean)), np.sort(np.ravel(expected)), rtol=1e-6
            )
        ticks = [tick.get_text() for tick in axes[row, 2].get_xticklabels()]
        assert ticks == ["0.25", "0.5", "1"]
    assert list(dataset["panel"].to_numpy()) == [
        "error, digits, scale 0.5, SGD",
        "loss, digits, scale 0.5, SGD",
        "error, mnist, scale 0.5, SGD",
        "loss, mnist, scale 0.5, SGD",
        "error, digits, depth 10, SGD",
        "loss, digits, depth 10, SGD",
    ]
    assert axes[0, 1].get_title() == "error, MNIST\nscale 0.5, SGD"
    for run in runs:
        if run.attrs["experiment"] == "initial_scale":
            run.attrs["optimizer"] = "adam"
    dataset = f04_plateau_end.collect(runs)
    assert str(dataset["panel"][-1].item()) == "loss, digits, depth 10, Adam"
    assert "are of digits, depth 10, Adam: they are not compared" in f04_plateau_end.caption(dataset)


def test_f4_draws_the_stored_law_and_says_how_far_off_it_is():
    runs = experiment("initial_scale")
    dataset, axes = drawn(f04_plateau_end, runs)
    predicted = plateau_end(ALPHAS, runs[0]["endpoint_error"].to_numpy())
    np.testing.assert_allclose(
        line(axes[0, 0], "from both ends (M2), last").get_ydata(), predicted, rtol=1e-6
    )
    off = [abs(predicted - end(run, "error")) for run in runs]
    expected = f"from both ends (M2), last is off by {np.mean(off):.2f} ({min(off):.2f} to {max(off):.2f})"
    assert expected in said(f04_plateau_end, dataset)


def test_f4_takes_the_stars_arms_too():
    dataset, axes = drawn(f04_plateau_end, experiment("star"))
    assert axes.shape == (2, 2)
    assert list(dataset["x_label"].to_numpy()) == ["depth", "depth", "initial scale", "initial scale"]
    assert line(axes[0, 1], "bias in the last layer").get_xdata().tolist() == [0.5, 1.0]


def test_f6_shows_dose_and_response_with_every_law():
    runs = experiment("imposed_bias")
    dataset, axes = drawn(f06_imposed_bias, runs)
    assert axes.shape == (1, 3)
    for ax, quantity in zip(axes[0], ("error", "loss"), strict=False):
        by_gap = [
            [end(run, quantity) for run in runs if run.attrs["imposed_bias_gap"] == g] for g in (0, 1, 4)
        ]
        mean = line(ax, "measured")
        assert mean.get_xdata().tolist() == [0, 1, 4]
        np.testing.assert_allclose(mean.get_ydata(), np.mean(by_gap, axis=1), rtol=1e-6)
        for label, law in (("from both ends (M2)", "endpoint"), ("gain on probes (M1)", "probe")):
            expected = plateau_end(ALPHAS, runs[0][f"{law}_{quantity}"].to_numpy())
            np.testing.assert_allclose(line(ax, label).get_ydata(), expected, rtol=1e-6)
    held = axes[0, 2]
    np.testing.assert_allclose(line(held, "measured").get_ydata(), 0.3, rtol=1e-6)  # as planted
    theory = line(held, "theory, zero start (T1)")
    assert theory.get_xdata().tolist() == [1, 4]  # no gap: the largest bias is tied, and no class is i*
    strong = [run for run in runs if run.attrs["imposed_bias_gap"] == 4.0]
    exits = [np.sort(majority_exit(run["signal"].to_numpy(), run["bias"].to_numpy(), 8))[0] for run in strong]
    np.testing.assert_allclose(theory.get_ydata()[1], np.mean(exits), rtol=1e-6)  # 24 samples: 99 % is all
    assert f"measured (n = {len(SEEDS)}): " in said(f06_imposed_bias, dataset)


def test_f6_refuses_runs_without_an_imposed_gap():
    with pytest.raises(ValueError, match="no number to draw"):
        f06_imposed_bias.collect([planted_run()])


def test_f11_shows_retention_by_layer_and_effective_degree():
    runs = experiment("retention")
    dataset, axes = drawn(f11_retention, runs)
    by_layer, by_depth, by_width = axes[0]
    deep = [r for r in runs if (r.attrs["depth"], r.attrs["width"], r.attrs["init_scale"]) == (8, 64, 0.8)]
    expected = np.mean([run["retention"].to_numpy() for run in deep], axis=0)
    np.testing.assert_allclose(line(by_layer, "scale 0.8").get_ydata(), expected, rtol=1e-6)
    assert line(by_depth, "depth: zero start").get_ydata().tolist() == [4, 8]
    for label, key, value in (("scale 0.3", "init_scale", 0.3), ("scale 0.8", "init_scale", 0.8)):
        found = [
            np.mean(
                [float(r["effective_degree"]) for r in runs if (r.attrs["depth"], r.attrs[key]) == (d, value)]
            )
            for d in (4, 8)
        ]
        np.testing.assert_allclose(line(by_depth, label).get_ydata(), found, rtol=1e-6)
    # A colour is an initial scale in every panel.
    for ax in axes[0]:
        labels = [label for label in ax.get_legend_handles_labels()[1] if label != "depth: zero start"]
        assert labels == ["scale 0.3", "scale 0.8"]
        assert [to_hex(line(ax, label).get_color()) for label in labels] == ["#0072b2", "#d55e00"]
    of_width = [np.mean([float(r["effective_degree"]) for r in runs if chosen(r, w)]) for w in (32, 64)]
    np.testing.assert_allclose(line(by_width, "scale 0.3").get_ydata(), of_width, rtol=1e-6)
    share = max(float(run["effective_degree"]) / run.attrs["depth"] for run in runs)
    assert f"at most {share:.2f} of it" in said(f11_retention, dataset)


def chosen(run, width):
    return (run.attrs["depth"], run.attrs["width"], run.attrs["init_scale"]) == (8, width, 0.3)


def test_a_law_is_drawn_only_where_it_has_a_number_for_every_run():
    runs = experiment("initial_scale")
    runs[0]["endpoint_error"] = runs[0]["endpoint_error"] * 0  # at 0.25 the law sees no plateau in one run
    dataset, axes = drawn(f04_plateau_end, runs)
    assert line(axes[0, 0], "from both ends (M2), last").get_xdata().tolist() == [0.5, 1.0]
    assert line(axes[1, 0], "from both ends (M2), last").get_xdata().tolist() == [0.25, 0.5, 1.0]
    assert "and undefined for 1 of 9 runs" in said(f04_plateau_end, dataset)
