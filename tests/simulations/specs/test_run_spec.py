"""A run's name: of every field, of the fields alone, the same everywhere."""

import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from hashlib import blake2b

import pytest
from hypothesis import given

from mli.testing import run_specs
from simulations.curves.one_path import METHODS
from simulations.models.buffers import BUFFER_POLICIES
from simulations.networks import BIAS_MODES, INIT_SCHEMES, NETWORKS
from simulations.specs.run_fields import CHOICES, path_refusal
from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import read_sweep

SPEC = RunSpec(depth=8, width=64, learning_rate=0.02, max_epochs=150, target_loss=0.01, seed=3)


@given(spec=run_specs())
def test_toml_gives_back_the_same_spec_and_name(spec):
    again = RunSpec.from_toml(spec.to_toml())
    assert again == spec
    assert again.name == spec.name
    assert RunSpec.from_dict(json.loads(json.dumps(spec.to_dict()))).name == spec.name


def test_the_name_is_the_hash_of_the_fields_that_are_given():
    # By hand: what the name is made of must not change with the code, or stores would lose their runs.
    values = {
        "data": "digits", "label_noise": 0.0, "imbalance": 1.0, "network": "fcn", "depth": 8, "width": 64,
        "width_multiplier": 1.0, "batch_norm": False, "bn_policy": "recalibrate", "bias": "last",
        "init_scheme": "he", "init_scale": 1.0, "optimizer": "sgd", "learning_rate": 0.02, "momentum": 0.9,
        "weight_decay": 0.0, "label_smoothing": 0.0, "schedule": "constant", "batch_size": 64,
        "target_loss": 0.01, "max_epochs": 150, "precision": "float32", "threads": 1, "paths": ["linear"],
        "alphas": 101, "method": "adaptive", "seed": 3,
    }  # fmt: skip
    text = ",".join(f"{json.dumps(k)}:{json.dumps(values[k])}" for k in sorted(values))
    text = "{" + text + "}"
    assert SPEC.name == blake2b(text.encode(), digest_size=10).hexdigest()
    assert SPEC.name == "68e5abe0c92e3a26593c"


# Of the first run of each experiment, by the code before `evaluate_every` was a field (commit f930733).
OLD_NAMES = {
    "star": "3f171771ec18bbdcf49a",
    "depth_and_bias": "3109712a9d1a5cc4184f",
    "initial_scale": "546739c9feb87e5ce994",
    "width": "4cc6409a03c20cf83bde",
    "practical_networks": "b73701b0327921253365",
    "hardness": "101cfa5a6a98806321a4",
    "imposed_bias": "c5faeeeede9a4b1fab4c",
    "imbalance": "2936a664752df992befb",
    "optimizers": "702bfbd63ca1fb20f909",
    "retention": "5e558fe299577c64ce24",
}


@pytest.mark.parametrize("experiment", OLD_NAMES)
def test_a_new_field_renames_no_stored_run(experiment):
    assert read_sweep(experiment).runs[0].spec.name == OLD_NAMES[experiment]


def test_the_name_is_the_same_in_a_process_with_another_hash_salt():
    code = (
        f"from simulations.specs.run_spec import RunSpec; print(RunSpec.from_toml({SPEC.to_toml()!r}).name)"
    )
    for salt in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": salt}
        said = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert said.stdout.strip() == SPEC.name


CHANGED = {
    "data": "mnist", "limit": 100, "label_noise": 0.5, "imbalance": 2.0, "depth": 7, "width": 63,
    "bias": "all", "init_scheme": "torch", "init_scale": 0.5, "imposed_bias_gap": 0.0, "optimizer": "adam",
    "learning_rate": 0.03, "momentum": 0.0, "weight_decay": 0.1, "label_smoothing": 0.1, "clip_norm": 1.0,
    "schedule": "cosine", "batch_size": 32, "target_loss": None, "max_epochs": 151, "precision": "bf16",
    "evaluate_every": 4, "threads": 2, "paths": ("linear", "bias"), "alphas": 51, "method": "grid", "seed": 4,
    "lines": ("zero",), "classes": 5,
}  # fmt: skip


def test_every_field_is_in_the_name():
    of_others = {"test_limit", "network", "width_multiplier", "batch_norm", "bn_policy"}
    of_others |= {"objective", "bottleneck", "pretrained_layers", "pretrained_classes", "text_digest"}
    assert {f.name for f in fields(RunSpec)} == CHANGED.keys() | of_others
    names = {replace(SPEC, **{field: value}).name for field, value in CHANGED.items()}
    mnist = replace(SPEC, data="mnist")
    vgg = replace(SPEC, network="vgg16", depth=None, width=None)
    normed = replace(vgg, batch_norm=True)
    names |= {replace(mnist, test_limit=5).name, vgg.name, replace(vgg, network="resnet18").name, normed.name}
    names |= {replace(vgg, width_multiplier=0.5).name, replace(normed, bn_policy="keep").name, SPEC.name}
    coder = replace(SPEC, network="autoencoder", depth=None, bottleneck=2, objective="squared_error")
    topics = replace(SPEC, network="lstm", data="pydoc_topics", text_digest="0" * 16)
    names |= {coder.name, replace(coder, bottleneck=3).name, topics.name}
    names |= {replace(topics, text_digest="1" * 16).name}
    for layers, classes in ((1, 5), (2, 5), (1, 4)):
        names.add(replace(SPEC, pretrained_layers=layers, pretrained_classes=classes).name)
    assert len(names) == len(CHANGED) + 14


@pytest.mark.parametrize(
    "pair", [({"init_scale": 1}, {"init_scale": 1.0}), ({"imposed_bias_gap": -0.0}, {"imposed_bias_gap": 0})]
)
def test_equal_numbers_are_one_run(pair):
    one, other = (replace(SPEC, **changes) for changes in pair)
    assert one == other
    assert one.name == other.name
    assert one.to_toml() == other.to_toml()


def test_the_runs_that_a_run_leans_on_lean_on_none():
    spec = replace(
        SPEC, pretrained_layers=2, pretrained_classes=5, lines=("seed:9", "matched:9", "seed:8", "zero")
    )
    base, nine, eight = spec.needed_runs()
    assert (base.classes, base.seed, base.pretrained_layers) == (5, 3, None)
    assert (nine.seed, eight.seed, nine.pretrained_layers) == (9, 8, 2)  # trained as the run itself
    assert all(other.lines is None and other.paths == ("linear",) for other in (base, nine, eight))
    assert base.needed_runs() == ()
    assert replace(SPEC, lines=("epoch:7", "zero", "epoch:2")).kept_epochs == (2, 7)


def test_choices_are_those_of_the_modules_that_act_on_them():
    assert set(CHOICES["network"]) == set(NETWORKS)
    assert set(CHOICES["bias"]) == set(BIAS_MODES)
    assert set(CHOICES["init_scheme"]) == set(INIT_SCHEMES)
    assert set(CHOICES["method"]) == set(METHODS)
    assert set(CHOICES["bn_policy"]) == set(BUFFER_POLICIES) - {"refuse"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": 0}, "depth must be an integer >= 1, got 0"),
        ({"depth": 2.0}, r"depth must be an integer or absent, got 2\.0"),
        ({"depth": None}, "'fcn' needs a depth"),
        ({"seed": True}, "seed must be an integer, got True"),
        ({"seed": -1}, "seed .* got -1"),
        ({"batch_norm": 1}, "batch_norm must be true or false, got 1"),
        ({"bias": "some"}, "bias must be one of all, last, none, got 'some'"),
        ({"learning_rate": float("nan")}, "learning_rate .* got nan"),
        ({"learning_rate": "0.1"}, "learning_rate .* got '0.1'"),
        ({"learning_rate": 0}, r"learning_rate must lie in \(0, inf\), got 0.0"),
        ({"momentum": 1}, r"momentum must lie in \[0, 1\), got 1.0"),
        ({"label_noise": 1.5}, r"label_noise must lie in \[0, 1\], got 1.5"),
        ({"imbalance": 0.5}, "imbalance .* got 0.5"),
        ({"alphas": 1}, "alphas must be an integer >= 2, got 1"),
        ({"paths": []}, r"paths .* got \[\]"),
        ({"paths": ["linear", "linear"]}, "paths .*'linear', 'linear'"),
        ({"paths": ["curve"]}, "paths .*'curve'"),
        ({"paths": "linear"}, "paths must be a list of words, got 'linear'"),
        ({"data": ""}, "data .* got ''"),
        ({"data": "a\nb"}, "data .* got 'a"),
        ({"data": "digits", "test_limit": 10}, "digits has no test split, got test_limit = 10"),
        ({"width_multiplier": 0.5}, "width_multiplier .* got 0.5 for 'fcn'"),
        ({"batch_norm": True}, "batch_norm .* 'fcn'"),
        ({"bn_policy": "keep"}, "bn_policy 'keep' needs batch_norm"),
        ({"network": "vgg16"}, "'vgg16' has no depth, got 8"),
        ({"lines": []}, r"lines must be distinct words.* got \[\]"),
        ({"lines": ["zero", "zero"]}, "lines must be distinct"),
        ({"lines": ["init:0"]}, "init:K .K from 1.* got 'init:0'"),
        ({"lines": ["epoch"]}, "got 'epoch'"),
        ({"lines": ["zero:1"]}, "got 'zero:1'"),
        ({"lines": ["run:abc"]}, "20 hex digits.* got 'run:abc'"),
        ({"lines": ["epoch:150"]}, "epoch:150 must start before the last epoch, max_epochs is 150"),
        ({"lines": ["seed:3"]}, "seed:3 is from the run's own seed to itself"),
        (
            {"lines": ["seed:1"], "label_noise": 0.5},
            "line seed:1 needs label_noise 0, got 0.5: each seed draws its own labels",
        ),
        ({"lines": ["matched:1"], "label_noise": 1.0}, "line matched:1 needs label_noise 0, got 1.0"),
        ({"lines": ["zero"], "imposed_bias_gap": 1.0}, "lines do not go with imposed_bias_gap, got 1.0"),
        ({"lines": ["epoch:1"], "evaluate_every": 2}, "leave out evaluate_every, got 2"),
        ({"lines": ["matched:1"], "network": "vit"}, "matched:1 is of network 'fcn', got 'vit'"),
        ({"objective": "squared_error"}, "network 'autoencoder', and of no other: got network 'fcn'"),
        ({"bottleneck": 2}, "'fcn' has no bottleneck, got 2"),
        ({"network": "autoencoder", "depth": None, "objective": "squared_error"}, "needs a bottleneck"),
        (
            {"network": "autoencoder", "depth": None, "objective": "squared_error", "bottleneck": 2}
            | {"paths": ("linear", "bias")},
            "path 'bias' is not walked on network 'autoencoder'",
        ),
        ({"network": "lstm"}, "go with data 'pydoc_topics', and with no other: got network 'lstm'"),
        ({"data": "pydoc_topics"}, "got network 'fcn', data 'pydoc_topics'"),
        (
            {"network": "lstm", "data": "pydoc_topics"},
            "needs a text_digest.* this Python's is '[0-9a-f]{16}'",
        ),
        ({"text_digest": "0" * 16}, "no others have one"),
        ({"text_digest": "x"}, "text_digest must be 16 hex digits, got 'x'"),
        (
            {"network": "lstm", "data": "pydoc_topics", "text_digest": "0" * 16, "label_noise": 0.5},
            "label_noise is of networks that tell classes apart, not of 'lstm'",
        ),
        ({"pretrained_layers": 1}, "pretrained_layers and pretrained_classes go together, got 1 and None"),
        ({"pretrained_layers": 9, "pretrained_classes": 5}, "at most the depth 8, got 9"),
        (
            {"classes": 5, "imbalance": 2.0},
            "classes = 5 goes with label_noise 0 and imbalance 1, got 0.0 and 2",
        ),
        (
            {"evaluate_every": 3, "label_smoothing": 0.1},
            "evaluate_every = 3 needs label_smoothing 0, got 0.1",
        ),
        ({"bias": "none", "imposed_bias_gap": 1.0}, "imposed_bias_gap = 1.0 needs a last bias"),
        ({"bias": "none", "paths": ["no_last_bias"]}, "path 'no_last_bias' needs a bias"),
    ],
)
def test_bad_values_are_refused_and_shown(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(SPEC, **changes)


def test_unknown_and_missing_keys_are_named():
    with pytest.raises(ValueError, match=r"unknown key 'lr': a run has data, .*learning_rate.* and 19 more"):
        RunSpec.from_toml("lr = 0.1")
    with pytest.raises(ValueError, match="a run needs learning_rate, max_epochs, seed, which are not given"):
        RunSpec.from_dict({"depth": 2, "width": 3})
    with pytest.raises(ValueError, match="no TOML"):
        RunSpec.from_toml("depth = ")


def test_values_of_a_command_line():
    parsed = {
        "learning_rate": "1e-2", "depth": "4", "batch_norm": "true", "bias": "none", "data": "0",
        "paths": "linear, weights",
    }  # fmt: skip
    values = {key: RunSpec.parsed(key, text) for key, text in parsed.items()}
    assert values == {
        "learning_rate": 0.01, "depth": 4, "batch_norm": True, "bias": "none", "data": "0",
        "paths": ("linear", "weights"),
    }  # fmt: skip
    with pytest.raises(ValueError, match="depth must be an integer or absent, got 'four'"):
        replace(SPEC, depth=RunSpec.parsed("depth", "four"))
    with pytest.raises(ValueError, match="unknown key 'dept'"):
        RunSpec.parsed("dept", "4")


def test_attributes_hold_every_field():
    attributes = replace(SPEC, paths=["linear", "bias"]).attributes()
    assert attributes["bias_mode"] == "last"
    assert attributes["paths"] == "linear,bias"
    assert attributes["limit"] == ""
    assert attributes["batch_norm"] == 0
    assert attributes["learning_rate"] == 0.02
    assert len(attributes) == len(fields(RunSpec))


def test_a_path_that_is_no_path_of_its_own_is_not_walked():
    fcn = {"network": "fcn", "batch_norm": False}
    assert not any(
        path_refusal(path, bias="last", **fcn) for path in ("linear", "homogeneous", "weights", "bias")
    )
    assert path_refusal("weights", bias="none", **fcn)
    assert path_refusal("homogeneous", bias="all", network="resnet18", batch_norm=True)
    assert not path_refusal("linear", bias="none", **fcn)
