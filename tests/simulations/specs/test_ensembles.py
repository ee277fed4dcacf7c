"""Which runs are trained together."""

from dataclasses import replace

import pytest

from simulations.specs.ensembles import MOST_MEMBERS, jobs_of
from simulations.specs.sweep_file import EXPERIMENTS, PlannedRun, Sweep, read_sweep, with_seeds
from tests.simulations.runs.helpers.tiny_runs import SWEEP, tiny

SWEEP_TOGETHER = "ensembles = true\n" + SWEEP


def sweep_of(*specs, ensembles=True):
    runs = tuple(PlannedRun(f"run {i}", spec) for i, spec in enumerate(specs))
    return Sweep("mine", "mine", runs, ensembles)


def specs_of(sweep):
    return [run.spec for run in sweep.runs]


def test_runs_that_differ_by_seed_and_initial_scale_alone_are_one_job():
    same = [tiny(seed=s, init_scale=scale) for scale in (0.5, 1.0) for s in (0, 1)]
    others = [tiny(seed=0, depth=3), tiny(seed=0, learning_rate=0.1), tiny(seed=0, bias="none")]
    assert jobs_of([sweep_of(*same, *others)], [*same, *others]) == [tuple(same), *((o,) for o in others)]


def test_labels_drawn_anew_are_each_seeds_own_data():
    noisy = [tiny(seed=s, init_scale=scale, label_noise=1.0) for s in (0, 1) for scale in (0.5, 1.0)]
    assert jobs_of([sweep_of(*noisy)], noisy) == [tuple(noisy[:2]), tuple(noisy[2:])]


def test_a_run_that_any_sweep_wants_alone_is_made_alone():
    specs = [tiny(seed=s) for s in range(3)]
    jobs = jobs_of([sweep_of(*specs), sweep_of(specs[1], ensembles=False)], specs)
    assert jobs == [(specs[0], specs[2]), (specs[1],)]


def test_runs_with_lines_or_of_other_runs_are_made_alone():
    own = [tiny(seed=s, lines=("zero",)) for s in (0, 1)]
    own += [tiny(seed=s, pretrained_layers=1, pretrained_classes=5) for s in (0, 1)]
    assert jobs_of([sweep_of(*own)], own) == [(spec,) for spec in own]


@pytest.mark.parametrize("count", [1, MOST_MEMBERS, MOST_MEMBERS + 1, 60, 3 * MOST_MEMBERS + 1])
def test_an_ensemble_has_its_most_members_and_loses_none(count):
    specs = [tiny(seed=s) for s in range(count)]
    jobs = jobs_of([sweep_of(*specs)], specs)
    assert [spec for job in jobs for spec in job] == specs
    sizes = [len(job) for job in jobs]
    assert max(sizes) <= MOST_MEMBERS
    assert len(jobs) == -(-count // MOST_MEMBERS)


def test_the_file_says_it_and_no_run_has_another_name(tmp_path):
    (tmp_path / "together.toml").write_text(SWEEP_TOGETHER)
    (tmp_path / "apart.toml").write_text(SWEEP)
    together, apart = read_sweep(tmp_path / "together.toml"), read_sweep(tmp_path / "apart.toml")
    assert together.ensembles
    assert not apart.ensembles
    assert specs_of(together) == specs_of(apart)
    assert with_seeds(together, 5).ensembles


@pytest.mark.parametrize("form", ["quick", "paper"])
def test_the_experiments_of_old_are_trained_alone(form):
    assert not any(read_sweep(name, form).ensembles for name in EXPERIMENTS)
    sweeps = [read_sweep(name, form) for name in EXPERIMENTS]
    wanted = list(dict.fromkeys(spec for sweep in sweeps for spec in specs_of(sweep)))
    assert jobs_of(sweeps, wanted) == [(spec,) for spec in wanted]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ensembles = 1\n" + SWEEP, "ensembles must be true or false, got 1"),
        (
            "ensembles = true\nseeds = [0]\n[fixed]\nnetwork = 'vgg16'\nlearning_rate = 1\nmax_epochs = 1\n",
            "ensembles are of fully connected networks, got network 'vgg16' in 'run'",
        ),
    ],
)
def test_what_cannot_be_trained_together_is_refused_when_the_file_is_read(text, words, tmp_path):
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(ValueError, match=words):
        read_sweep(tmp_path / "bad.toml")


def test_a_spec_is_found_again_whatever_stands_before_it():
    first = tiny(seed=3)
    assert jobs_of([sweep_of(first, replace(first, seed=4))], [replace(first, seed=4)]) == [
        (replace(first, seed=4),)
    ]
