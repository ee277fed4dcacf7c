"""F1, F5, F12, F13: the lines on the axes are the means over seeds, the bands their range."""

import numpy as np
import pytest

from mli_theory import predict_curves
from paper_figures.figures import f01_lines, f05_practical, f12_test_lines, f13_hardness
from tests.paper_figures.helpers.drawn import drawn, drawn_dataset, line, said
from tests.paper_figures.helpers.planted_runs import ALPHAS, SEEDS, experiment, planted_run
from validation.metrics.curve_shape import plateau_end


def star(arm):
    return [run for run in experiment("star") if run.attrs["arm"] == arm]


def test_f1_draws_means_and_ranges_of_the_measured_lines():
    _, axes = drawn(f01_lines, experiment("star"))
    loss, error = axes.ravel()
    for ax, quantity in ((loss, "loss"), (error, "error")):
        for n, (label, arm, path) in enumerate(
            [
                ("linear", "centre", "linear"),
                ("homogeneous", "centre", "homogeneous"),
                ("linear, last bias held at 0", "centre", "no_last_bias"),
                ("trained without bias", "bias-none", "linear"),
            ]
        ):
            values = np.array([run[quantity].sel(path=path).to_numpy() for run in star(arm)])
            np.testing.assert_allclose(line(ax, label).get_ydata(), values.mean(axis=0), rtol=1e-6)
            corners = ax.collections[n].get_paths()[0].vertices
            for low_or_high in (values.min(axis=0), values.max(axis=0)):
                here = np.column_stack([ALPHAS, low_or_high])[1:-1]
                assert all(np.isclose(corners, corner, rtol=1e-6).all(axis=1).any() for corner in here)
        assert len(ax.collections) == 4  # predictions have no band
        assert quantity in ax.get_ylabel()


def test_f1_draws_the_theory_from_0_plus_on_and_the_stored_law():
    _, axes = drawn(f01_lines, experiment("star"))
    theory, law = (line(axes[0, 1], label) for label in ("theory, zero start (T1)", "from both ends (M2)"))
    np.testing.assert_array_equal(theory.get_xdata(), ALPHAS[1:])  # at 0 itself all logits tie
    expected = [
        predict_curves(run["signal"].to_numpy(), run["bias"].to_numpy(), run["labels"].to_numpy(), 8, ALPHAS)
        for run in star("centre")
    ]
    np.testing.assert_allclose(
        theory.get_ydata(), np.mean([p.error for p in expected], axis=0)[1:], rtol=1e-6
    )
    np.testing.assert_array_equal(law.get_xdata(), ALPHAS[1:])  # at 0 there is no bias
    np.testing.assert_allclose(law.get_ydata(), star("centre")[0]["endpoint_error"][1:], rtol=1e-6)


def test_f1_has_a_column_for_each_architecture():
    runs = [run for name in f01_lines.EXPERIMENTS for run in experiment(name)]
    dataset, axes = drawn(f01_lines, runs)
    assert list(dataset["panel"].to_numpy()) == [
        "FCN, depth 8, digits",
        "FCN, depth 10, digits",
        "FCN, depth 10, mnist",
        "VGG-16, cifar10",
        "ResNet-18, batch norm, cifar10",
    ]
    assert axes.shape == (2, 5)
    # no theory where the signal is homogeneous of no degree
    assert not any(label.startswith("theory") for label in axes[0, 4].get_legend_handles_labels()[1])


def test_f1_says_where_plateaus_end_and_how_far_off_the_law_is():
    dataset = f01_lines.collect(experiment("star"))
    ends = [plateau_end(ALPHAS, run["error"].sel(path="linear").to_numpy()) for run in star("centre")]
    caption = said(f01_lines, dataset)
    assert f"linear (n = {len(SEEDS)})" in caption
    assert f"{np.mean(ends):.2f} ({min(ends):.2f} to {max(ends):.2f}) in error" in caption
    off = [abs(run["endpoint_loss"] - run["loss"].sel(path="linear")).max() for run in star("centre")]
    assert (
        f"from both ends (M2) is off by {np.mean(off):.2f} ({min(off):.2f} to {max(off):.2f}) nats" in caption
    )


def test_f1_leaves_out_runs_that_did_not_reach_their_target_and_says_so():
    runs = [*experiment("star"), planted_run(seed=205, status="stagnated")]
    dataset = f01_lines.collect(runs)
    assert dataset["n_seeds"].sel(line="linear").item() == len(SEEDS)
    assert "Left out: 1 run that did not reach" in said(f01_lines, dataset)
    with pytest.raises(ValueError, match="no run of the experiments reached its target"):
        f01_lines.collect([planted_run(status="stagnated")])


def test_practical_networks_have_homogeneous_and_bias_free_lines_where_they_were_walked():
    runs = experiment("practical_networks")
    for figure, names in (
        (f01_lines, {"homogeneous": "homogeneous", "no_last_bias": "linear, last bias held at 0"}),
        (f05_practical, {"homogeneous": "homogeneous", "no_last_bias": "the same, bias held at 0"}),
    ):
        dataset, axes = drawn(figure, runs)
        for column, title in enumerate(dataset["panel"].to_numpy()):
            kind = "vgg16" if "VGG" in title else "resnet18"
            group = [
                run
                for run in runs
                if (run.attrs["network"], run.attrs["bias_mode"]) == (kind, "last")
                and bool(run.attrs["batch_norm"]) == ("batch norm" in title)
            ]
            for path, name in names.items():
                for row, quantity in enumerate(("loss", "error")):
                    mean = np.mean([run[quantity].sel(path=path).to_numpy() for run in group], axis=0)
                    if figure is f05_practical:  # less the curve with the bias, seed by seed
                        linear = [run[quantity].sel(path="linear").to_numpy() for run in group]
                        mean -= np.mean(linear, axis=0)
                    found = line(axes[row, column], name).get_ydata()
                    np.testing.assert_allclose(found, mean, rtol=1e-6, atol=1e-7)
        # What was not walked is not drawn, and does not stop the rest.
        bare = [run.sel(path=["linear"]) for run in runs]
        assert not set(names.values()) & set(figure.collect(bare)["line"].to_numpy())


def test_f13_every_run_is_a_dot_at_its_steps_and_the_ranks_are_in_the_caption():
    arms = {"true-labels": 100.0, "slow-rate": 400.0, "fast-rate": 50.0, "random-labels": 1600.0}
    runs = [
        planted_run("hardness", f"hardness/{arm}", seed, end=0.1 + steps / 4000).assign(steps=steps)
        for arm, steps in arms.items()
        for seed in SEEDS
    ]
    runs.append(planted_run("hardness", "hardness/slow-rate", 209, status="stagnated").assign(steps=1.0))
    dataset, axes = drawn(f13_hardness, runs)
    for arm, steps in arms.items():
        dots = line(axes[1, 1], arm.replace("-", " "))
        ends = [plateau_end(ALPHAS, r["error"].sel(path="linear")) for r in runs if arm in r.attrs["arm"]]
        np.testing.assert_array_equal(dots.get_xdata(), steps)
        np.testing.assert_allclose(dots.get_ydata(), ends[: len(SEEDS)])
        np.testing.assert_allclose(line(axes[0, 0], arm.replace("-", " ")).get_ydata(), 0, atol=1e-12)
    assert all(ax.get_xscale() == "log" for ax in axes.ravel())
    caption = said(f13_hardness, dataset)
    assert "plateau's end of the error 1.00 (1.00 to 1.00)" in caption
    assert "largest rise of the loss no number" in caption  # no line rises: nothing to rank
    assert "Left out: 1 run that" in caption


def test_f5_has_a_column_for_each_network_and_normalisation():
    runs = experiment("practical_networks")
    dataset, axes = drawn(f05_practical, runs)
    assert list(dataset["panel"].to_numpy()) == [
        "VGG-16, batch norm, cifar10",
        "VGG-16, cifar10",
        "ResNet-18, batch norm, cifar10",
        "ResNet-18, cifar10",
    ]
    vgg = [run for run in runs if run.attrs["network"] == "vgg16" and run.attrs["batch_norm"]]
    last = [run for run in vgg if run.attrs["bias_mode"] == "last"]
    gaps = np.array(
        [(run["error"].sel(path="no_last_bias") - run["error"].sel(path="linear")).to_numpy() for run in last]
    )
    found = line(axes[1, 0], "the same, bias held at 0").get_ydata()
    np.testing.assert_allclose(found, gaps.mean(axis=0), atol=1e-6)
    highest = dataset["error_less_high"].sel(
        panel="VGG-16, batch norm, cifar10", line="the same, bias held at 0"
    )
    np.testing.assert_allclose(highest, gaps.max(axis=0), atol=1e-6)
    # The laws are not drawn, the differences would not be seen beside them; the caption has them.
    caption = said(f05_practical, dataset)
    assert "VGG-16, cifar10: theory, zero start (T1) is off by" in caption
    assert "ResNet-18, cifar10: from both ends (M2) is off by" in caption
    # Data without differences by seed, as older ones shipped: the same means, without a band.
    older = drawn_dataset(f05_practical, dataset.drop_vars([n for n in dataset if "_less_" in str(n)]))
    again = line(older[1, 0], "the same, bias held at 0").get_ydata()
    np.testing.assert_allclose(again, gaps.mean(axis=0), atol=1e-6)
    assert not any(len(ax.collections) for ax in older.ravel())


def test_f12_draws_both_splits_with_bands_and_says_how_far_apart_they_are():
    runs = [run for name in f12_test_lines.EXPERIMENTS for run in experiment(name)]
    dataset, axes = drawn(f12_test_lines, runs)
    assert list(dataset["panel"].to_numpy()) == [
        "FCN, depth 2, mnist",
        "FCN, depth 10, mnist",
        "VGG-16, cifar10",
        "ResNet-18, batch norm, cifar10",
    ]
    training, test = (line(axes[0, 0], label).get_ydata() for label in ("training samples", "test samples"))
    np.testing.assert_allclose(test - training, 0.1, rtol=1e-5)
    assert len(axes[0, 0].collections) == 2
    expected = "at most 0.10 (0.10 to 0.10) nats and 0.05 (0.05 to 0.05) of the error from training samples"
    assert expected in said(f12_test_lines, dataset)
