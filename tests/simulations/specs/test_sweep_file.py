"""What a sweep's file says, and what it may not say; the experiments that are shipped."""

import tomllib
from collections import Counter
from dataclasses import replace
from importlib.resources import files

import pytest

from simulations.runtime.python_topics import topics_digest
from simulations.specs.sweep_file import (
    APART,
    EXPERIMENTS,
    FORMS,
    ONE_FORM,
    REALISTIC,
    read_sweep,
    with_seeds,
)
from tests.simulations.runs.helpers.tiny_runs import SWEEP

BASE = tomllib.loads(SWEEP)


def sweep(tmp_path, text, name="mine"):
    path = tmp_path / f"{name}.toml"
    path.write_text(text)
    return read_sweep(path)


def test_arms_times_grid_times_seeds_in_the_order_of_the_file(tmp_path):
    found = sweep(
        tmp_path,
        """
        seeds = [5, 6]
        [fixed]
        width = 16
        max_epochs = 3
        paths = ["linear", "no_last_bias"]
        [grid]
        depth = [3, 2]
        bias = ["last", "none"]
        [[arm]]
        learning_rate = 0.1
        [[arm]]
        name = "slow"
        learning_rate = 0.01
        seeds = [7]
        """,
    )
    points = ["depth=3,bias=last", "depth=3,bias=none", "depth=2,bias=last", "depth=2,bias=none"]
    assert found.name == found.title == "mine"
    assert found.labels() == (*points, *(f"slow,{point}" for point in points))
    assert [run.spec.seed for run in found.runs] == [5, 6] * 4 + [7] * 4
    for run in found.runs:
        slow = run.label.startswith("slow")
        assert run.spec.learning_rate == (0.01 if slow else 0.1)
        assert f"depth={run.spec.depth},bias={run.spec.bias}" in run.label
        # The path that a network without biases does not have is left out, not refused.
        assert run.spec.paths == (("linear",) if run.spec.bias == "none" else ("linear", "no_last_bias"))


@pytest.mark.parametrize(
    ("word", "value"), [("true", "true"), ("0.1", "0.1"), ("1.0", "1.0"), ("2", "2"), ("sgd", '"sgd"')]
)
def test_labels_show_values_as_the_file_does(tmp_path, word, value):
    key = {"true": "batch_norm", "sgd": "optimizer", "2": "batch_size"}.get(word, "init_scale")
    text = f"""
        seeds = [0]
        [fixed]
        learning_rate = 0.1
        max_epochs = 3
        network = "vgg16"
        [grid]
        {key} = [{value}]
        """
    assert sweep(tmp_path, text).labels() == (f"{key}={word}",)


BAD = [
    ("wdith = 3", "mine.toml: unknown key 'wdith': a sweep has title, fixed, grid, arm, seeds"),
    ("seeds = [0]\n[fixed]\nlr = 1", "unknown key 'lr': a run has data"),
    ("seeds = [0]\n[grid]\nlr = [1]", "unknown key 'lr'"),
    ("seeds = [0]\n[[arm]]\nlr = 1", "unknown key 'lr'"),
    ("seeds = [0]\n[grid]\ndepth = []", r"grid: depth must be a list of at least one value, got \[\]"),
    ("seeds = [0]\n[grid]", r"\[grid\] is empty: list what varies, or leave the table out"),
    ("seeds = [0]\n[grid]\ndepth = 3", "grid: depth must be a list of at least one value, got 3"),
    ("seeds = [0]\n[grid]\ndepth = [2, 2]", r"a value twice in depth = \[2, 2\]"),
    (
        "seeds = [0]\n[fixed]\ndepth = 2\n[grid]\ndepth = [3]",
        "depth varies here and is fixed in .* at 2",
    ),
    ("seeds = [0]\n[grid]\ndepth = [3]\n[[arm]]\ndepth = 2", "sets depth, which the grid varies"),
    ("seeds = [0]\narm = []", r"arm must be tables \[\[arm\]\], got \[\]"),
    ("seeds = [0]\nfixed = 3", "fixed must be a table, got 3"),
    ("seeds = [0]\n[fixed]\nseed = 3", r"\[fixed\] has 'seed': give the list seeds"),
    ('seeds = [0]\n[[arm]]\nname = "a,b"', "an arm's name .* got 'a,b'"),
    ("seeds = []", r"seeds must be a list of at least one integer, got \[\]"),
    ("", "seeds must be a list of at least one integer, got None"),
    ("seeds = [1, 1]", r"a seed twice in seeds = \[1, 1\]"),
    ("seeds = [-1]", "-1"),
    ('seeds = [0]\n[fixed]\ndepth = "two"', "depth must be an integer or absent, got 'two'"),
    ('seeds = [0]\n[[arm]]\nname = "a"\n[[arm]]\nname = "a"\nwidth = 3', "two arms have the label 'a'"),
    ('seeds = [0]\n[[arm]]\nname = "a"\n[[arm]]\nname = "b"', "'a' and 'b' are one and the same run"),
    ("seeds = [0]\nseeds = [1]", "mine.toml: "),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_bad_files_are_refused_before_any_work(tmp_path, text, message):
    if "fixed = 3" in text:
        pass
    elif "[fixed]" in text:
        text = text.replace("[fixed]", "[fixed]\nlearning_rate = 0.1\nmax_epochs = 3\nwidth = 4")
    else:
        text += "\n[fixed]\nlearning_rate = 0.1\nmax_epochs = 3\nwidth = 4\n"
        text += "" if "depth" in text else "depth = 2\n"
    with pytest.raises(ValueError, match=message):
        sweep(tmp_path, text)


def test_unknown_names_forms_and_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'stars' is neither an experiment .* nor a \.toml"):
        read_sweep("stars")
    with pytest.raises(ValueError, match="form must be one of quick, paper, got 'quik'"):
        read_sweep("star", "quik")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_sweep(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_shipped_and_never_counts_a_pilot_seed(name, form):
    found = read_sweep(name, form)
    seeds = Counter(run.label for run in found.runs)
    assert all(run.spec.seed >= (100 if name == "star" else 200) for run in found.runs)
    assert all(run.spec.threads == 1 for run in found.runs) or form == "paper"
    for label, count in seeds.items():
        paired = name in ("star", "depth_and_bias", "initial_scale", "imposed_bias", "hardness")
        assert count == (12 if paired else 5), label
    first = {run.spec.seed for run in found.runs if run.label == found.labels()[0]}
    for label in found.labels():  # paired: the arms share their seeds
        assert {run.spec.seed for run in found.runs if run.label == label} <= first


def test_the_map_of_regimes_is_no_part_of_a_profile_and_counts_no_pilot_seed():
    assert not set(APART) & set(EXPERIMENTS)
    quick, paper = (read_sweep("regime_map", form) for form in FORMS)
    assert (len(quick.runs), len(paper.runs)) == (360, 1584)
    assert {run.spec for run in quick.runs} <= {run.spec for run in paper.runs}
    assert all(sweep.ensembles and min(r.spec.seed for r in sweep.runs) == 400 for sweep in (quick, paper))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [name for name in APART if name != "regime_map"])
def test_experiments_of_the_literature_have_seeds_that_no_verdict_counts(name, form):
    runs = read_sweep(name, form).runs
    assert all(700 <= run.spec.seed < 710 and run.spec.threads == 1 for run in runs)
    if form == "quick":
        assert all(run.spec.method == "grid" for run in runs)  # rises without an error of interpolation


def test_a_text_that_python_carries_has_its_digest_in_the_name(tmp_path):
    (run, *_), digest = read_sweep("language_model").runs, topics_digest()
    assert run.spec.text_digest == digest
    said = f"seeds = [0]\n[fixed]\n{run.spec.to_toml()}".replace(digest, "0" * 16).replace("\nseed = 700", "")
    (other,) = sweep(tmp_path, said).runs
    assert other.spec.text_digest == "0" * 16
    assert other.spec.name != replace(run.spec, seed=0).name


def test_nothing_but_experiments_lies_in_their_folder():
    names = {path.name for path in (files("simulations") / "experiments").iterdir()}
    assert names == {f"{name}.{form}.toml" for name in (*EXPERIMENTS, *APART) for form in FORMS} | {
        f"{name}.toml" for name in ONE_FORM
    }


def test_realistic_experiments_have_one_form_and_seeds_of_their_own():
    assert not set(REALISTIC) & set(EXPERIMENTS)
    for name in REALISTIC:
        sweep = read_sweep(name)
        assert sweep.name == name
        seeds = {label: [r.spec.seed for r in sweep.runs if r.label == label] for label in sweep.labels()}
        first = seeds[sweep.labels()[0]]
        assert first == list(range(300, 312 if name.startswith("mnist_fcn") else 311))
        assert all(of_arm == first for of_arm in seeds.values())  # paired
        assert all(run.spec.threads == 1 and run.spec.test_limit for run in sweep.runs)
        with pytest.raises(ValueError, match=f"{name} has one form alone, got 'paper'"):
            read_sweep(name, "paper")


@pytest.mark.parametrize("name", [name for name in REALISTIC if name.endswith("_all_biases")])
def test_networks_with_a_bias_in_all_layers_are_otherwise_those_with_a_last_one(name):
    others = {
        replace(run.spec, paths=("linear",))
        for run in read_sweep(name.removesuffix("_all_biases")).runs
        if run.label.endswith("bias=last") and not run.label.startswith("depth-4")
    }
    runs = read_sweep(name).runs
    assert {run.spec.bias for run in runs} == {"all"}
    assert {replace(run.spec, bias="last", paths=("linear",)) for run in runs} == others


def test_harder_problems_differ_from_the_easy_one_in_their_hardness_alone_and_share_its_seeds():
    runs = read_sweep("harder_problems").runs
    by_arm = {}
    for run in runs:
        by_arm.setdefault(run.label, {})[run.spec.seed] = run.spec
    assert len(by_arm) == 8
    for label, specs in by_arm.items():
        assert list(specs) == list(range(500, 532))
        easy = by_arm["true-labels," + label.split(",")[1]]
        for seed, spec in specs.items():
            same = {"label_noise": easy[seed].label_noise, "learning_rate": easy[seed].learning_rate}
            assert replace(spec, **same) == easy[seed]


def test_the_arms_that_claims_rely_on():
    grids = {
        "imposed_bias": [f"imposed_bias_gap={gap}" for gap in (0.0, 0.5, 1.0, 2.0, 4.0)],
        "hardness": ["true-labels", "random-labels", "slow-rate", "fast-rate", "target-0.1", "target-0.001"],
        "initial_scale": [f"init_scale={scale}" for scale in (0.25, 0.5, 0.7, 1.0)],
        "star": ["centre", "bias-all", "bias-none", "scale-0.7", "scale-1.0", "depth-4", "depth-2"],
        "imbalance": [f"imbalance={ratio}" for ratio in (1.0, 4.0, 16.0)],
        "optimizers": ["sgd", "momentum", "adam"],
        "width": [f"width={width}" for width in (16, 32, 64, 128, 256)],
    }
    for name, labels in grids.items():
        assert list(read_sweep(name).labels()) == labels
    expected = {f"depth={d},bias={b}" for d in (2, 4, 6, 8, 10) for b in ("last", "none", "all")}
    labels = set(read_sweep("depth_and_bias").labels())
    assert labels == expected | {f"mnist,{label}" for label in expected}
    hardness = {run.label: run.spec for run in read_sweep("hardness").runs if run.spec.seed == 200}
    true = hardness["true-labels"]
    assert hardness["slow-rate"].learning_rate == true.learning_rate / 4
    assert hardness["fast-rate"].learning_rate == true.learning_rate * 2
    assert hardness["random-labels"].label_noise == 1.0
    for spec in [*hardness.values(), *(run.spec for run in read_sweep("imposed_bias").runs)]:
        assert (spec.data, spec.network, spec.depth, spec.init_scale) == ("digits", "fcn", 8, 0.5)
    assert {run.spec.depth for run in read_sweep("initial_scale").runs} == {10}


def test_more_seeds_are_those_that_follow_in_every_arm():
    mine = read_sweep("practical_networks")
    more = with_seeds(mine, 7)
    assert more.labels() == mine.labels()
    assert set(mine.runs) <= set(more.runs)
    for label in mine.labels():
        own = [run.spec.seed for run in mine.runs if run.label == label]
        seeds = [run.spec.seed for run in more.runs if run.label == label]
        assert seeds == [*own, *range(max(own) + 1, max(own) + 8 - len(own))]
        assert len({replace(run.spec, seed=0) for run in more.runs if run.label == label}) == 1
    assert with_seeds(mine, 1) == mine
    with pytest.raises(ValueError, match="at least 1 seed, got 0"):
        with_seeds(mine, 0)
