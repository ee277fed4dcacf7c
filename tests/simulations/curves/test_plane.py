"""The plane through three checkpoints: a plain loop's values, exact corners, an honest estimate."""

import copy
import warnings

import numpy as np
import pytest
import torch
import xarray as xr
from matplotlib.figure import Figure
from torch import nn

from paper_figures.drawing.plane_panel import draw_plane
from simulations.curves import plane
from simulations.curves.one_path import interpolation_curves
from simulations.datasets.image_dataset import load
from simulations.line.plane_points import plane_coordinates
from simulations.training.single import train
from tests.plain_line import cross_entropy, plain_logits


def fully_connected():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 10)
    )


def convolutional():
    first = nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()
    return nn.Sequential(*first, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(64, 10))


@pytest.fixture(scope="module", params=[fully_connected, convolutional])
def three(request):
    """A network, its start and end, another network's end, and data."""
    data, corners = load("digits", limit=200), []
    for seed in (19, 20):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = request.param()
        run = train(model, data, learning_rate=0.1, target_loss=0.05, max_epochs=10, seed=seed)
        corners += [run.start, run.end]
    return model, corners[0], corners[1], corners[3], data


def plain_point(a, b, c, u, v):
    wide = {n: [s[n].double() for s in (a, b, c)] for n in a}
    return {n: (x + u * (y - x) + v * (z - x)).float() for n, (x, y, z) in wide.items()}


def test_it_is_a_plain_loops_within_its_estimate_for_a_part_of_the_passes(three):
    model, a, b, c, data = three
    found = plane(model, a, b, c, data)
    assert found.attrs["method"] == "adaptive"
    assert found.attrs["forward_passes"] * 8 <= 51 * 51
    assert found.attrs["estimated_loss_error"] <= 1e-2
    network, inputs, labels = copy.deepcopy(model), data.inputs, data.labels.numpy()
    worst = worst_error = 0.0
    for i, j in [(0, 0), (50, 0), (0, 50), (7, 33), (25, 25), (44, 12), (50, 50), (3, 48), (31, 2), (18, 41)]:
        point = plain_point(a, b, c, float(found.u[i]), float(found.v[j]))
        logits = plain_logits(network, point, inputs)
        worst = max(worst, abs(cross_entropy(logits, labels) - float(found.loss[i, j])))
        own = logits[np.arange(len(labels)), labels].copy()
        logits[np.arange(len(labels)), labels] = -np.inf
        worst_error = max(worst_error, abs(np.mean(own <= logits.max(axis=1)) - float(found.error[i, j])))
    assert worst <= found.attrs["estimated_loss_error"] + 1e-6
    assert worst_error <= found.attrs["estimated_error_error"] + 0.5 / len(labels)


def test_its_corners_are_the_checkpoints_bit_for_bit_on_both_methods(three):
    model, a, b, c, data = three
    lines = [
        interpolation_curves(model, first, last, data, alphas=[0.0, 1.0], class_weights=np.ones(10))
        for first, last in ((a, b), (a, c))
    ]
    for method in ("grid", "adaptive"):
        found = plane(model, a, b, c, data, resolution=5 if method == "grid" else 51, method=method)
        assert float(found.loss[0, 0]) == float(lines[0].loss[0])
        assert float(found.loss[-1, 0]) == float(lines[0].loss[1])
        assert float(found.loss[0, -1]) == float(lines[1].loss[1])


def test_where_levels_do_not_reach_the_tolerance_every_point_is_evaluated(three):
    model, a, b, c, data = three
    few = data.inputs[:20], data.labels[:20]
    with pytest.warns(UserWarning, match="20 of 20 samples did not reach the tolerance"):
        found = plane(model, a, b, c, few, resolution=15, loss_tolerance=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exact = plane(model, a, b, c, few, resolution=15, method="grid")
    assert (found.loss == exact.loss).all()
    assert exact.attrs["forward_passes"] == 15 * 15
    assert found.attrs["estimated_loss_error"] == 0


def test_three_points_on_a_line_and_what_is_no_plane_are_refused_in_one_line(three):
    model, a, b, c, data = three
    middle = {name: (a[name] + b[name]) / 2 for name in a}
    for third in (a, b, middle):
        with pytest.raises(ValueError, match="a, b and c lie on a line") as refused:
            plane(model, a, b, third, data)
        assert "\n" not in str(refused.value)
    for options, message in (
        ({"resolution": 1}, "resolution must be a number of points a side >= 2, got 1"),
        ({"span": (1.0, 0.0)}, "span must be the first and the last"),
        ({"method": "fast"}, "method must be adaptive or grid, got 'fast'"),
        ({"loss_tolerance": 0}, "loss_tolerance must be a finite number > 0, got 0"),
        ({"buffers": "keep"}, "buffers of a plane must be one of refuse, interpolate, got 'keep'"),
    ):
        with pytest.raises(ValueError, match=message):
            plane(model, a, b, c, data, **options)
    with pytest.raises(ValueError, match="c does not fit the model: missing"):
        plane(model, a, b, {"other": torch.ones(2)}, data)


def test_coordinates_are_those_of_a_least_squares_fit_and_the_figure_shows_them(three):
    _, a, b, c, _ = three
    flat = [torch.cat([s[n].double().flatten() for n in a]).numpy() for s in (a, b, c)]
    stream = torch.Generator().manual_seed(19)
    states = [a, b, c, plain_point(a, b, c, 0.3, 0.6)]
    states.append({n: t + 0.1 * torch.randn(t.shape, generator=stream) for n, t in states[-1].items()})
    found = plane_coordinates(states, a, b, c)
    np.testing.assert_allclose(found[:4, :2], [[0, 0], [1, 0], [0, 1], [0.3, 0.6]], atol=1e-6)
    np.testing.assert_allclose(found[:4, 2], 0, atol=1e-5)
    sides = np.stack([flat[1] - flat[0], flat[2] - flat[0]], axis=1)
    point = torch.cat([states[-1][n].double().flatten() for n in a]).numpy() - flat[0]
    fit, residual, *_ = np.linalg.lstsq(sides, point, rcond=None)
    np.testing.assert_allclose(found[4, :2], fit, atol=1e-9)
    longer = np.linalg.norm(sides, axis=0).max()
    assert found[4, 2] == pytest.approx(np.sqrt(residual[0]) / longer, rel=1e-6)

    grid = np.linspace(0, 1, 5)
    shown = xr.Dataset({"loss": (("u", "v"), np.add.outer(grid, 2 * grid))}, coords={"u": grid, "v": grid})
    ax = Figure().subplots()
    draw_plane(ax, shown, found)
    np.testing.assert_array_equal(ax.lines[-1].get_xdata(), found[:, 0])
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0, 1])
    assert {text.get_text() for text in ax.texts} >= {"a", "b", "c"}
    with pytest.raises(ValueError, match=r"must hold error\(u, v\)"):
        draw_plane(ax, shown, quantity="error")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"w": torch.ones(3)}, r"states\[1\]\['w'\] has shape \(3,\), a's \(2,\)"),
        ({"w": torch.tensor([1.0, float("nan")])}, r"states\[1\]\['w'\] holds values that are not finite"),
        (None, r"states\[1\] lacks 'w', which a has"),
    ],
)
def test_a_state_that_does_not_match_has_no_coordinates(changed, message):
    a, b, c = ({"w": torch.tensor(w)} for w in ([0.0, 0.0], [1.0, 0.0], [0.0, 1.0]))
    with pytest.raises(ValueError, match=message):
        plane_coordinates([b, changed or {}], a, b, c)
