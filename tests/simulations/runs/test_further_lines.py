"""A run's further lines, runs that lean on others, and runs of other objectives: against plain evaluation."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from simulations.line.paths import noise_start
from simulations.networks import fcn
from simulations.runs.further_lines import INIT_STRIDE
from simulations.runs.one_run import Store, make_run
from simulations.runs.spec_to_training import run_data
from simulations.runtime.python_topics import topics_digest
from simulations.specs.run_spec import RunSpec
from tests.simulations.runs.helpers.tiny_runs import tiny

WORDS = (
    "zero",
    "noise",
    "init:2",
    "epoch:0",
    "epoch:2",
    "epoch:50",
    "seed:1",
    "matched:1",
    "only:1.*",
    "layers",
)
SPEC = tiny(depth=3, target_loss=1.0, max_epochs=60, method="grid", learning_rate=0.1, lines=WORDS)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    assert make_run(SPEC, store).status == "reached"
    return store


def loss_by_hand(state, data):
    hidden = data.inputs.flatten(1).double()
    weights = [state[f"{2 * layer + 1}.weight"].double() for layer in range(3)]
    for weight in weights[:-1]:
        hidden = torch.relu(hidden @ weight.T)
    logits = hidden @ weights[-1].T + state["5.bias"].double()
    return float(
        np.mean([-torch.log_softmax(z, 0)[y].item() for z, y in zip(logits, data.labels, strict=True)])
    )


def between(start, end, alpha, walking=None):
    return {
        name: start[name] + alpha * (end[name] - start[name])
        if walking is None or name in walking
        else end[name]
        for name in end
    }


def test_every_line_is_that_of_plain_evaluation(store):
    data, _ = run_data(SPEC)
    order = ("1.weight", "3.weight", "5.weight", "5.bias")  # of the module: noise is drawn in it
    start, end = ({name: store.state(SPEC, which)[name] for name in order} for which in ("start", "end"))
    other = store.state(replace(SPEC, seed=1, lines=None), "end")
    zeros = {name: torch.zeros_like(tensor) for name, tensor in end.items()}
    drawn = fcn(3, 16, 64, 10, bias="last", seed=2 * INIT_STRIDE).state_dict()
    starts = {
        "zero": zeros,
        "noise": noise_start(end, start, seed=0, order=order),
        "init:2": drawn,
        "epoch:0": start,
        "epoch:2": store.state(SPEC, "epoch-2"),
        "seed:1": other,
    }
    run = store.load(SPEC)
    half = int(np.flatnonzero(run["alpha"].values == 0.5)[0])
    for word, state in starts.items():
        line = run["line_loss"].sel(line=word).values
        assert line[half] == pytest.approx(loss_by_hand(between(state, end, 0.5), data), rel=1e-5), word
        assert line[-1] == run["loss"].values[0, -1]
    walking = {
        "only:1.*": ["1.weight"],
        "layer:3": ["3.weight"],
        "layer:5": ["5.weight", "5.bias"],
        "first:2": ["1.weight", "3.weight"],
        "last:2": ["3.weight", "5.weight", "5.bias"],
    }
    for word, names in walking.items():
        line = run["line_loss"].sel(line=word).values
        assert line[half] == pytest.approx(loss_by_hand(between(start, end, 0.5, names), data), rel=1e-5), (
            word
        )
    np.testing.assert_array_equal(run["line_loss"].sel(line="first:3"), run["loss"][0])
    np.testing.assert_array_equal(run["line_loss"].sel(line="epoch:0"), run["loss"][0])
    # Matching of units permutes the other network: its own loss is the same, the middle another.
    matched, plain = (run["line_loss"].sel(line=word).values for word in ("matched:1", "seed:1"))
    assert matched[0] == pytest.approx(plain[0], rel=1e-6)
    assert matched[half] != plain[half]


def test_a_line_that_is_not_there_is_nan_and_the_state_of_no_other_epoch_is_kept(store):
    run = store.load(SPEC)
    assert int(run["epochs"]) < 50
    assert np.isnan(run["line_loss"].sel(line="epoch:50")).all()
    kept = {path.name for path in store.path(SPEC).glob("epoch-*")}
    assert kept == {"epoch-0.safetensors", "epoch-2.safetensors"}
    assert store.problems(SPEC) == []


def test_lines_decide_no_other_number_of_the_run(store, tmp_path):
    bare = Store(tmp_path)
    bare.prepare()
    make_run(replace(SPEC, lines=None), bare)
    for file in ("start.safetensors", "end.safetensors", "history.nc", "curves/linear.nc"):
        assert store.digests(SPEC)[file] == bare.digests(replace(SPEC, lines=None))[file]
    assert store.names() == sorted([SPEC.name, replace(SPEC, seed=1, lines=None).name])  # seed 1 made once


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("run:" + "0" * 20,), "there is no finished run 0{20} in"),
        (("only:9.*",), r"line only:9.\*: no parameter matches; they are"),
    ],
)
def test_a_line_that_cannot_be_is_refused_before_training(lines, message, tmp_path):
    store = Store(tmp_path)
    store.prepare()
    spec = tiny(lines=lines)
    with pytest.raises(ValueError, match=message):
        make_run(spec, store)
    assert not store.path(spec, "end.safetensors").exists()


def test_a_run_of_another_network_is_no_start(store):
    spec = tiny(depth=2, lines=(f"run:{SPEC.name}",))
    message = r"that run is of another network: 3.bias is missing there and \(10,\) here"
    with pytest.raises(ValueError, match=message):
        make_run(spec, store)
    same = replace(SPEC, seed=1, lines=(f"run:{SPEC.name}",))
    make_run(same, store)
    found, other = store.load(same), store.load(SPEC)
    assert found["line_loss"].values[0, 0] == other["loss"].values[0, -1]


def test_pretrained_layers_start_where_the_run_on_fewer_classes_ended(tmp_path):
    store = Store(tmp_path)
    store.prepare()
    spec = tiny(depth=3, limit=40, pretrained_layers=2, pretrained_classes=5, max_epochs=60)
    make_run(spec, store)
    (base,) = spec.needed_runs()
    assert set(run_data(base)[0].labels.tolist()) == set(range(5))
    assert len(run_data(base)[0]) == 20
    ours, theirs = load_file(store.path(spec, "start.safetensors")), store.state(base, "end")
    drawn = fcn(3, 16, 64, 10, bias="last", seed=0).state_dict()
    for name in ours:
        expected = theirs if name in ("1.weight", "3.weight") else drawn
        assert torch.equal(ours[name], expected[name]), name
    with pytest.raises(ValueError, match="classes must be at most the data's 10, got 11"):
        make_run(tiny(classes=11), store)


def test_an_autoencoder_and_a_language_model_have_their_line(tmp_path):
    store = Store(tmp_path)
    store.prepare()
    how = {
        "width": 8,
        "bias": "all",
        "learning_rate": 0.05,
        "max_epochs": 2,
        "alphas": 5,
        "method": "grid",
        "seed": 0,
    }
    coder = RunSpec(limit=20, network="autoencoder", bottleneck=2, objective="squared_error", **how)
    topics = RunSpec(
        data="pydoc_topics",
        text_digest=topics_digest(),
        limit=3,
        network="lstm",
        depth=1,
        lines=("zero",),
        **how,
    )
    for spec in (coder, topics):
        assert make_run(spec, store).status == "reached"
        run = store.load(spec)
        assert store.problems(spec) == []
        assert run["loss"].values[0, [0, -1]] == pytest.approx(
            [float(run["start_loss"]), float(run["end_loss"])], rel=1e-6
        )
        assert run.attrs["n_samples"] == spec.limit
        assert "class_share" not in run
        assert math.isnan(float(run["end_error"])) == np.isnan(run["error"]).all() == (spec is coder)
    zero = store.load(topics)["line_loss"].values[0, 0]
    assert zero == pytest.approx(math.log(run_data(topics)[0].n_classes), rel=1e-6)  # all logits 0
