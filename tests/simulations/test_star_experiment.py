"""What a run of the star is and holds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from simulations.datasets import load
from simulations.evaluation import Scores
from simulations.star_experiment import ARMS, PROTOCOL, SEEDS, SMOKE_PROTOCOL, Arm, Protocol, run_one

TINY = Protocol(limit=50, width=8, target_loss=2.0, max_epochs=30, alphas=5)


def test_the_star_is_one_centre_and_arms_that_change_one_thing():
    centre, *others = ARMS
    assert (centre.depth, centre.bias, centre.init_scale) == (8, "last", 0.5)
    changes = set()
    for arm in others:
        changed = [
            (name, getattr(arm, name))
            for name in ("depth", "bias", "init_scale")
            if getattr(arm, name) != getattr(centre, name)
        ]
        assert len(changed) == 1
        changes |= set(changed)
    assert changes == {
        ("depth", 4),
        ("depth", 2),
        ("bias", "all"),
        ("bias", "none"),
        ("init_scale", 0.7),
        ("init_scale", 1.0),
    }
    rates = {8: 0.02, 4: 0.05, 2: 0.1}
    assert all(arm.learning_rate == rates[arm.depth] for arm in ARMS)
    paths = {arm.name: arm.paths for arm in ARMS}
    assert paths.pop("centre") == ("linear", "homogeneous", "weights", "bias")
    assert paths.pop("bias-all") == ("linear", "homogeneous")
    assert set(paths.values()) == {("linear",)}


def test_the_protocol_is_the_one_fixed_beforehand():
    assert tuple(range(100, 112)) == SEEDS
    assert Protocol("digits", None, 64, 0.9, 64, 0.01, 150, 101, 1) == PROTOCOL
    assert SMOKE_PROTOCOL.limit is not None


@pytest.fixture(scope="module")
def data():
    return load("digits", limit=TINY.limit)


@pytest.mark.parametrize("bias", ["all", "last", "none"])
def test_a_run_holds_everything_a_prediction_needs(data, bias):
    arm = Arm("short", 2, bias, 1.0, 0.05, ("linear", "homogeneous"))
    run = run_one(arm, 0, TINY, data)
    assert run.attrs["status"] == "reached"
    assert dict(run.sizes) == {
        "path": 2,
        "alpha": 5,
        "predicted_class": 10,
        "sample": 50,
        "class_index": 10,
        "epoch": int(run.epochs) + 1,
    }
    assert run.path.values.tolist() == ["linear", "homogeneous"]
    # signal + bias are the end's logits: they give the end's loss and the right end of every curve.
    end = Scores(torch.from_numpy((run.signal + run.bias).values), torch.from_numpy(run.labels.values))
    assert end.loss == pytest.approx(float(run.end_loss), rel=1e-12)
    assert end.error == float(run.end_error)
    assert run.bias.values.any() == (bias != "none")
    np.testing.assert_array_equal(run.loss.isel(alpha=-1), [float(run.end_loss)] * 2)
    np.testing.assert_array_equal(run.loss.isel(alpha=0), [float(run.start_loss)] * 2)
    assert run.history_loss[-1] == run.end_loss <= TINY.target_loss < run.history_loss[-2]
    assert int(run.steps) == int(run.epochs)  # 50 samples are one batch of at most 64
    assert run.attrs["seed"] == 0
    assert run.attrs["arm"] == "short"
    assert run.attrs["bias_mode"] == bias


@pytest.mark.parametrize(("learning_rate", "status"), [(1e-6, "stagnated"), (1e30, "diverged")])
def test_a_run_that_misses_the_target_is_recorded_without_curves(data, learning_rate, status):
    arm = Arm("bad", 2, "last", 1.0, learning_rate, ("linear",))
    run = run_one(arm, 0, replace(TINY, max_epochs=3), data)
    assert run.attrs["status"] == status
    assert np.isnan(run.loss).all()
    assert np.isnan(run.error).all()
    assert np.isnan(run.class_share).all()
    assert np.isfinite(run.signal).all()
    assert np.isfinite(run.end_loss)


def test_paired_seeds_share_their_draws_between_arms(data):
    runs = [
        run_one(Arm("a", 2, bias, 1.0, 0.05, ("linear",)), 0, replace(TINY, max_epochs=0), data)
        for bias in ("last", "none")
    ]
    assert runs[0].start_loss == runs[1].start_loss


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "../up"}, "../up"),
        ({"bias": "some"}, "some"),
        ({"paths": ()}, r"\(\)"),
        ({"paths": ("linear", "linear")}, "distinct"),
        ({"paths": ("curved",)}, "curved"),
        ({"bias": "none", "paths": ("bias",)}, "path 'bias'"),
    ],
)
def test_bad_arms_are_refused_when_built(changed, message):
    good = {
        "name": "a",
        "depth": 2,
        "bias": "all",
        "init_scale": 1.0,
        "learning_rate": 0.1,
        "paths": ("linear",),
    }
    with pytest.raises(ValueError, match=message):
        Arm(**(good | changed))
