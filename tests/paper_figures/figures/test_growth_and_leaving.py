"""F2, F8, F9: the artists on the axes are the numbers of the runs."""

import numpy as np
import pytest

from mli_theory import loss_bump, majority_exit, predict_curves
from paper_figures.figures import f02_growth, f08_loss_bump, f09_leaving
from tests.paper_figures.helpers.drawn import drawn, line, said
from tests.paper_figures.helpers.planted_runs import ALPHAS, SEEDS, experiment, planted_run


def marked(ax, gid):
    (found,) = [line for line in ax.get_lines() if line.get_gid() == gid]
    return found


def centre():
    return [run for run in experiment("star") if run.attrs["arm"] == "centre"]


def test_f2_draws_the_gain_its_laws_and_the_bias():
    dataset, axes = drawn(f02_growth, experiment("star"))
    assert axes.shape == (2, 3)  # centre, full scale, two layers
    gain, cosine = axes[:, 0]
    measured = line(gain, "signal: gain, measured")
    np.testing.assert_array_equal(measured.get_xdata(), ALPHAS[1:])
    np.testing.assert_allclose(measured.get_ydata(), np.maximum(ALPHAS[1:] ** 4, 1e-4), rtol=1e-6)
    np.testing.assert_allclose(line(gain, "product law (M2)").get_ydata(), ALPHAS[1:] ** 4.5, rtol=1e-6)
    np.testing.assert_allclose(
        line(gain, r"$\alpha^{\mathrm{depth}}$ (T1)").get_ydata(), ALPHAS[1:] ** 8, rtol=1e-6
    )
    powers = [float(run["effective_degree"]) for run in centre()]
    expected = np.mean([ALPHAS[1:] ** power for power in powers], axis=0)
    np.testing.assert_allclose(
        line(gain, r"$\alpha^{r_\mathrm{eff}}$ (T13)").get_ydata(), expected, rtol=1e-5
    )
    np.testing.assert_array_equal(line(gain, r"bias: $\alpha$").get_ydata(), ALPHAS[1:])
    np.testing.assert_allclose(line(cosine, "_cosine").get_ydata(), [0.6, 0.9, 1.0], rtol=1e-6)
    titles = [ax.get_title() for ax in axes[0]]
    assert titles == ["8 layers, half of He's scale", "8 layers, He's scale", "2 layers, half of He's scale"]
    words = f"effective degree {np.mean(powers):.2f} ({min(powers):.2f} to {max(powers):.2f}) of 8 layers"
    assert words in said(f02_growth, dataset)


def test_f2_needs_gains():
    with pytest.raises(ValueError, match="no gain to draw"):
        f02_growth.collect([planted_run(laws=False)])


def test_f8_draws_the_start_of_the_loss_beside_theory_and_its_bump():
    dataset, axes = drawn(f08_loss_bump, experiment("star"))
    start = axes[0, 0]
    losses = np.array([run["loss"].sel(path="linear").to_numpy() for run in centre()])
    mean = (losses - losses[:, :1]).mean(axis=0)
    np.testing.assert_allclose(line(start, "measured").get_ydata(), mean, rtol=1e-5, atol=1e-7)
    bumps = [
        loss_bump(*(run[n].to_numpy() for n in ("signal", "bias", "labels")), 8, next_order=True)
        for run in centre()
    ]
    crosses = line(start, "its bump, expanded (T4)")
    np.testing.assert_allclose(crosses.get_xdata(), [bump.alpha for bump in bumps])
    np.testing.assert_allclose(crosses.get_ydata(), [bump.height for bump in bumps])
    assert "above 1 % of the fall in 0 of 9 runs" in said(f08_loss_bump, dataset)


def test_f8_sets_every_run_with_a_bias_measured_against_predicted():
    runs = experiment("star")
    runs[0]["loss"][0, 1] += 0.25  # a run that does rise
    dataset, axes = drawn(f08_loss_bump, runs)
    centre = line(axes[0, 1], "centre")
    fine = np.linspace(1e-3, 1, 20_001)
    exact = [
        predict_curves(*(run[n].to_numpy() for n in ("signal", "bias", "labels")), 8, fine).loss.max()
        - np.log(4)
        for run in runs[:3]
    ]
    np.testing.assert_allclose(centre.get_xdata(), exact, rtol=0.02)  # the figure's grid is coarser
    found = runs[0]["loss"].sel(path="linear")
    assert centre.get_ydata()[0] == pytest.approx(float(found[1] - found[0]))
    assert np.all(centre.get_ydata()[1:] < 1e-8)  # none: in the strip below the smallest rise
    looks = [
        (one.get_marker(), one.get_color(), level)
        for one in axes[0, 1].get_lines()
        if one.get_marker() not in ("None", "")
        for level in set(one.get_ydata()[one.get_ydata() < 1e-8])
    ]
    assert (
        len({look[:2] for look in looks}) == len({look[2] for look in looks}) == len(looks) == 3
    )  # an arm each
    assert not any(label == "bias-none" for label in axes[0, 1].get_legend_handles_labels()[1])
    assert "in 1 of 9 runs" in said(f08_loss_bump, dataset)


def test_f9_orders_classes_by_bias_and_draws_their_shares():
    dataset, axes = drawn(f09_leaving, experiment("star"))
    left, correct, gaps = axes[0]
    grid = np.linspace(0, 1, 101)
    for rank in (1, 2, 3):  # class c has the c-th largest bias and leaves at 0.3 + 0.1 c and a little
        share = np.mean([grid >= 0.3 + 0.1 * rank + 0.001 * (seed - 200) for seed in SEEDS], axis=0)
        np.testing.assert_allclose(marked(left, f"left{rank}").get_ydata(), share, rtol=1e-6)
        np.testing.assert_allclose(
            marked(correct, f"correct{rank}").get_ydata(), grid >= 0.35 + 0.1 * rank, rtol=1e-6
        )
    assert not [other for other in left.get_lines() if other.get_gid() == "left0"]  # i* does not leave i*
    medians = marked(gaps, "median_exit")
    np.testing.assert_allclose(np.unique(medians.get_xdata().round(9)), [0.6, 1.2, 1.8])
    np.testing.assert_allclose(medians.get_ydata()[:3], [0.4, 0.5, 0.6], rtol=1e-6)
    theory = marked(gaps, "median_exit_theory").get_ydata()
    first = centre()[0]
    exits = majority_exit(first["signal"].to_numpy(), first["bias"].to_numpy(), 8)
    assert theory[0] == np.sort(exits[first["labels"].to_numpy() == 1])[2]
    assert "1.00 (1.00 to 1.00), mean (smallest to largest seed)" in said(f09_leaving, dataset)


def test_f9_leaves_out_samples_that_were_never_held_and_keeps_those_that_never_leave():
    run = planted_run()
    exits = run["bias_exit"].to_numpy().copy()
    of_one = np.flatnonzero(run["labels"].to_numpy() == 1)
    exits[of_one[:2]], exits[of_one[2]] = np.nan, np.inf
    dataset = f09_leaving.collect([run.assign(bias_exit=("sample", exits))])
    assert dataset["left"].sel(alpha=1.0)[1] == pytest.approx(3 / 4)
    assert dataset["left"].sel(alpha=0.0)[1] == 0


def test_f9_needs_exits():
    with pytest.raises(ValueError, match="no exit to draw"):
        f09_leaving.collect([planted_run(laws=False)])
