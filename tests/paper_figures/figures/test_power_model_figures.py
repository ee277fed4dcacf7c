"""F3, F7 and F10: the power model's flows and laws, and the curve engine's numbers, as they were saved."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from mli_theory import crossover_law, escape_schedule, plateau_law
from paper_figures.figures import f03_power_model, f07_plateau_laws, f10_accuracy
from simulations.power_model_experiments import plateau_laws
from simulations.power_model_experiments.cases import Group, table
from simulations.power_model_experiments.starts import initial_weights
from tests.paper_figures.helpers.drawn import said
from tests.paper_figures.helpers.planted_runs import accuracy


def drawn(figure, dataset):
    layout = figure.layout(dataset)
    axes = Figure().subplots(layout.rows, layout.columns, squeeze=False)
    figure.draw(axes, dataset)
    return axes


def marked(ax, gid):
    (found,) = [line for line in ax.get_lines() if line.get_gid() == gid]
    return found


@pytest.fixture(scope="module")
def flows():
    return f03_power_model.power_model_flows(range(100, 102))  # the second one's last class escapes


@pytest.fixture(scope="module")
def laws():
    """What `mli simulate power-model` writes, of one small group and without its worker processes."""
    group = Group(3, 3, (0.1, 1e-3), (1e-2, 1e-4))
    parts = [
        table(group.cases(), plateau_laws.measure(group, seed), plateau_laws.VARIABLES, 3, seed)
        for seed in (0, 1)
    ]
    spec = json.dumps({"groups": [asdict(group)]})
    return xr.concat(parts, dim="seed").assign_attrs(experiment="plateau-laws", spec=spec)


def test_f3_draws_the_saved_flows_by_initial_weight_with_t9s_times(flows):
    dataset = f03_power_model.collect(flows)
    axes = drawn(f03_power_model, dataset)
    for column, flow in enumerate(flows):
        diagonal = np.diagonal(flow["weights"].to_numpy(), axis1=1, axis2=2)
        times = np.sort(escape_schedule(diagonal[0], 3))
        for row, (name, values) in enumerate((("weights", diagonal), ("bias", flow["bias"].to_numpy()))):
            for rank, i in enumerate(np.argsort(-diagonal[0])):
                found = marked(axes[row, column], f"{name}{rank}")
                shown = np.isin(flow["time"].to_numpy(), found.get_xdata())
                np.testing.assert_array_equal(found.get_ydata(), values[shown, i])
            vertical = [
                x.get_xdata()[0] for x in axes[row, column].get_lines() if len(set(x.get_xdata())) == 1
            ]
            np.testing.assert_array_equal(np.sort(vertical), times[:-1])  # the last class has no time
    assert [ax.get_title() for ax in axes[0]] == ["last class held by its bias", "last class escapes (T11)"]


def test_f3_says_how_far_off_t9_is_and_how_many_escaped(flows):
    caption = said(f03_power_model, f03_power_model.collect(flows))
    worst = []
    for flow in flows:
        found = flow["signal_time"].to_numpy()
        predicted = escape_schedule(np.diagonal(flow["weights"].to_numpy()[0]), 3)
        timed = np.isfinite(predicted)
        worst.append(100 * np.abs(found[timed] / predicted[timed] - 1).max())
    assert f"off by {np.mean(worst):.1f} ({min(worst):.1f} to {max(worst):.1f}) %" in caption
    assert "In 1 of 2 starts its weight escaped" in caption


def test_f3_of_one_kind_of_start_has_one_column(flows):
    dataset = f03_power_model.collect(flows[:1])
    assert drawn(f03_power_model, dataset).shape == (2, 1)
    with pytest.raises(ValueError, match="at least one flow"):
        f03_power_model.collect([])


def test_f7_draws_both_laws_the_crossover_and_every_run(laws):
    dataset = f07_plateau_laws.collect(laws)
    ax = drawn(f07_plateau_laws, dataset)[0, 0]
    for name, regime in (("law_a", "small_scale"), ("law_b", "small_loss")):
        law = marked(ax, name)
        np.testing.assert_array_equal(law.get_ydata(), plateau_law(3, 3, law.get_xdata(), regime).beta)
    of_small = laws.isel(case=laws["init_scale"].to_numpy() == 1e-3)
    dots = marked(ax, "beta1")
    np.testing.assert_array_equal(np.sort(dots.get_ydata()), np.sort(of_small["beta"].to_numpy().ravel()))
    start = [initial_weights(Group(3, 3, (1e-3,), (1e-2,)), seed)[0] for seed in (0, 1)]
    for j, loss in enumerate((1e-2, 1e-4)):
        expected = np.mean([crossover_law(np.diag(w), 3, loss).beta for w in start])
        assert marked(ax, "crossover1").get_ydata()[j] == pytest.approx(expected)


def test_f7_marks_escaped_runs_at_the_edge_and_counts_them(laws):
    dataset = f07_plateau_laws.collect(laws)
    ax = drawn(f07_plateau_laws, dataset)[0, 0]
    gone = laws["escaped"].to_numpy() > 0
    assert gone.any()  # at scale 0.1
    crosses = [line for line in ax.get_lines() if (line.get_gid() or "").startswith("escaped")]
    values = np.concatenate([line.get_ydata() for line in crosses])
    np.testing.assert_array_equal(np.sort(values), np.sort(np.maximum(laws["beta"].to_numpy()[gone], 0.22)))
    assert f"{gone.sum()} states (crosses" in said(f07_plateau_laws, dataset)


def test_f7_refuses_another_experiment(laws):
    with pytest.raises(ValueError, match=r"plateau-laws.nc, got 'schedule'"):
        f07_plateau_laws.collect(laws.assign_attrs(experiment="schedule"))


def test_f10_draws_each_way_and_names_the_best():
    dataset = f10_accuracy.collect(accuracy())
    axes = drawn(f10_accuracy, dataset)
    assert axes.shape == (2, 2)
    for row, quantity in enumerate(("loss_error", "error_error")):
        for column in range(2):
            for line, way in zip(
                axes[row, column].get_lines(), ("adaptive", "chebyshev", "grid"), strict=True
            ):
                saved = accuracy().isel(network=column).sel(way=way)
                np.testing.assert_array_equal(line.get_xdata(), saved["passes"])
                np.testing.assert_array_equal(line.get_ydata(), saved[quantity])
    caption = said(f10_accuracy, dataset)
    assert "logits, adaptive: 1.0e-05 nats and 0.0500 at 20.0 passes" in caption
    assert "Best loss: logits, adaptive; best error rate: grid, linear between." in caption


def test_f10_refuses_other_data():
    with pytest.raises(ValueError, match="error_error is missing"):
        f10_accuracy.collect(accuracy().drop_vars("error_error"))
