"""F16 to F23: what is drawn and said is what was planted in the runs."""

import re

import numpy as np
import pytest
import xarray as xr

from paper_figures.catalogue import FIGURES
from paper_figures.drawing.arm_words import in_words
from paper_figures.drawing.line_shapes import rise_of, shape_sentences
from paper_figures.drawing.run_curves import NothingToDrawError
from paper_figures.figures import (
    f16_starts,
    f17_layers,
    f18_checkpoints,
    f19_rates,
    f20_minima,
    f21_autoencoders,
    f22_language_model,
    f23_pretraining,
)
from paper_figures.sources import figure_module, shipped_data
from tests.paper_figures.helpers.drawn import drawn_dataset

ALPHAS = np.linspace(0, 1, 5)
FALLING = np.array([2.0, 1.5, 1.0, 0.5, 0.0])
RISING = np.array([2.0, 2.5, 1.0, 0.5, 0.0])  # by a quarter of its fall
HUMP = np.array([0.1, 1.0, 2.0, 1.0, 0.3])  # barrier 1.8


def planted(arm, seed, loss=FALLING, lines=None, *, status="reached", **attrs):
    found = xr.Dataset(
        {"loss": (("path", "alpha"), loss[None]), "error": (("path", "alpha"), loss[None] / 4)},
        {"path": ["linear"], "alpha": ALPHAS},
        {"arm": arm, "seed": seed, "status": status, "run": f"{arm}{seed}", "data": "digits", "form": "quick"}
        | {"experiment": arm.partition("/")[0], "network": "fcn", "depth": 4}
        | attrs,
    )
    if lines:
        along = np.array(list(lines.values()))
        found = found.assign(line_loss=(("line", "alpha"), along), line_error=(("line", "alpha"), along / 4))
        found = found.assign_coords(line=list(lines))
    return found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("depth=2, width=32", "depth 2, width 32"),
        ("bias=none", "no bias"),
        ("fast-sgd", "fast SGD"),
        ("adam-1e-3", "Adam (rate 1e-3)"),
        ("lstm-adam", "LSTM, Adam"),
        ("own initial weights", "own initial weights"),
        ("FCN, depth 4, digits", "FCN, depth 4, digits"),
    ],
)
def test_an_arm_is_named_in_words(name, words):
    assert in_words(name) == words
    assert in_words(words) == words


@pytest.mark.parametrize("name", [name for name in FIGURES if int(name.rstrip("b")[1:]) > 15])
def test_no_shipped_figure_shows_an_arms_name_of_a_file(name):
    data = shipped_data(name)
    assert data is not None
    told = figure_module(name).finding(data)
    assert not re.search(r"\w=\w|\b(sgd|adam|lstm)\b", told), told


def test_a_rise_is_a_share_of_the_fall():
    assert rise_of(FALLING) == 0
    assert rise_of(RISING) == 0.25
    assert rise_of(HUMP) == np.inf  # it ends above its start
    assert np.isnan(rise_of(np.full(3, np.nan)))
    assert rise_of(np.ones(3)) == 0


def test_other_starts_each_count():
    lines = {"init:1": RISING, "init:2": FALLING, "noise": FALLING, "zero": RISING}
    runs = [planted("starts/a", seed, lines=lines) for seed in (1, 2)]
    found = f16_starts.collect(runs)
    words = f16_starts.finding(found)
    assert "a: own initial weights 0 of 2 rise; ten others 2 of 4 rise, at most by 0.25 of the fall" in words
    assert "noise 0 of 2 rise; zero 2 of 2 rise" in words
    assert "at alpha = 0.5: a: own initial weights 0.25, ten others 0.25" in words
    drawn_dataset(f16_starts, found)


def test_layers_fill_their_places_and_rises_are_counted_by_family():
    lines = {"layer:1": FALLING, "layer:3": RISING, "first:1": RISING, "first:2": FALLING, "last:1": FALLING}
    found = f17_layers.collect([planted("layers/sgd", seed, lines=lines) for seed in (1, 2, 3)])
    assert found["loss"].shape == (1, 3, 2, 5)
    np.testing.assert_array_equal(found["loss"][0, 0, 1], RISING.astype(np.float32))
    assert np.isnan(found["loss"][0, 2, 1]).all()  # the last 2 of 2 are the linear path
    words = f17_layers.finding(found)
    assert "one layer 3 of 6 lines rise; the first m 3 of 6 lines rise; the last m 0 of 3 lines rise" in words
    assert "mean loss is 2, 2 nats from the first layer to the last" in words
    drawn_dataset(f17_layers, found)
    with pytest.raises(NothingToDrawError):
        f17_layers.collect([planted("layers/sgd", 1)])


def test_a_checkpoint_that_training_did_not_reach_is_no_line():
    missing = np.full(5, np.nan)
    runs = [planted("checkpoints/sgd", s, lines={"epoch:2": RISING, "epoch:16": missing}) for s in (1, 2)]
    found = f18_checkpoints.collect(runs)
    assert found["line"].values.tolist() == ["epoch 0", "epoch 2"]
    assert f18_checkpoints.finding(found) == (
        "SGD: epoch 0 0 of 2 rise; epoch 2 2 of 2 rise, at most by 0.25 of the fall."
    )
    drawn_dataset(f18_checkpoints, found)


def test_rates_are_placed_by_network_and_optimiser_and_missed_targets_told():
    runs = [
        planted(f"rates/{net}-{opt}-{rate:g}", 1, loss, optimizer=opt, learning_rate=rate, status=status)
        for net, opt, rate, loss, status in (
            ("fcn", "sgd", 0.1, FALLING, "reached"),
            ("fcn", "sgd", 1.0, RISING, "reached"),
            ("fcn", "adam", 0.01, FALLING, "stagnated"),
            ("resnet-bn", "sgd", 0.1, RISING, "reached"),
        )
    ]
    found = f19_rates.collect(runs)
    assert found["network"].values.tolist() == ["fcn", "resnet-bn"]
    words = f19_rates.finding(found)
    assert "FCN, SGD: 1 of 2 lines rise (rates 1)" in words
    assert "FCN, Adam: 0 of 0 lines rise, 1 runs missed the target" in words
    assert "ResNet-18, batch norm, SGD: 1 of 1 lines rise (rates 0.1)" in words
    drawn_dataset(f19_rates, found)


def test_barriers_with_and_without_matching():
    lines = {"seed:9": HUMP, "matched:9": HUMP / 10}
    found = f20_minima.collect([planted("minima/depth=2,width=8", s, lines=lines) for s in (1, 2)])
    words = f20_minima.finding(found)
    assert "depth 2, width 8: as they are barrier 1.8 nats (1.8 to 1.8) (n = 2)" in words
    assert "units matched barrier 0.18 nats" in words
    drawn_dataset(f20_minima, found)


def test_autoencoders_have_a_panel_a_bottleneck():
    runs = [
        planted(f"autoencoders/{way},bottleneck={b}", 1, loss, bottleneck=b)
        for way, loss in (("sgd-1", RISING), ("adam-0.1", FALLING))
        for b in (2, 16)
    ]
    runs = [run.assign(error=run["error"] * np.nan) for run in runs]
    lost = planted("autoencoders/sgd-1,bottleneck=2", 2, status="diverged", bottleneck=2)
    found = f21_autoencoders.collect([*runs, lost])
    assert found["panel"].values.tolist() == ["bottleneck 2", "bottleneck 16"]
    words = f21_autoencoders.finding(found)
    told = "bottleneck 2: SGD (rate 1) 1 of 1 rise, at most by 0.25 of the fall; Adam (rate 0.1) 0 of 1 rise."
    assert told in words
    assert words.endswith("1 runs diverged and have no line.")
    drawn_dataset(f21_autoencoders, found)


@pytest.mark.parametrize("module", [f22_language_model, f23_pretraining])
def test_arms_of_one_panel(module):
    name = module.EXPERIMENTS[0]
    runs = [
        planted(f"{name}/{arm}", s, loss, text_digest="ab")
        for arm, loss in (("one-way", FALLING), ("two-ways", RISING))
        for s in (1, 2, 3)
    ]
    found = module.collect(runs)
    assert found.sizes["panel"] == 1
    assert "0 of 3 rise; two" in module.finding(found)
    assert "3 of 3 rise, at most by 0.25 of the fall." in shape_sentences(found)
    drawn_dataset(module, found)
    with pytest.raises(NothingToDrawError):
        module.collect([planted(f"{name}/a", 1, status="stagnated", text_digest="ab")])
