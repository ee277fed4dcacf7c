"""What each profile trains and judges; the star is the one that the rules were fixed for."""

import json

import pytest

from simulations.specs.sweep_file import EXPERIMENTS
from validation.job.profiles import PROFILES, job_of, smoke_job

STAR = job_of("quick").star


def test_the_star_is_one_centre_and_arms_that_change_one_thing():
    arms = {run.label: run.spec for run in STAR.runs}
    centre = arms.pop("centre")
    assert (centre.depth, centre.bias, centre.init_scale) == (8, "last", 0.5)
    changes = set()
    for arm in arms.values():
        names = ("depth", "bias", "init_scale")
        changed = [
            (name, getattr(arm, name)) for name in names if getattr(arm, name) != getattr(centre, name)
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
    assert all(run.spec.learning_rate == rates[run.spec.depth] for run in STAR.runs)
    assert set(centre.paths) >= {"linear", "homogeneous", "weights", "bias"}
    assert set(arms["bias-all"].paths) == {"linear", "homogeneous"}


def test_the_protocol_is_the_one_fixed_beforehand():
    assert {run.spec.seed for run in STAR.runs} == set(range(100, 112))
    assert len(STAR.runs) == 84
    for run in STAR.runs:
        spec = run.spec
        assert (spec.data, spec.limit, spec.width, spec.momentum, spec.batch_size) == (
            "digits",
            None,
            64,
            0.9,
            64,
        )
        assert (spec.target_loss, spec.max_epochs, spec.alphas, spec.threads) == (0.01, 150, 101, 1)
        assert spec.method == "grid"


def test_no_profile_counts_a_pilot_seed_or_a_smoke_run():
    smoke = {run.spec.seed for run in smoke_job().star.runs}
    for profile in PROFILES:
        seeds = {run.spec.seed for judged in job_of(profile).judged for run in judged.sweep.runs}
        assert not seeds & (set(range(8)) | smoke)


def test_profiles_grow_and_the_full_one_trains_nothing():
    quick, standard, full = map(job_of, PROFILES)
    assert [judged.sweep.name for judged in quick.judged] == ["star"]
    assert {judged.sweep.name for judged in standard.judged} <= set(EXPERIMENTS)
    assert {"star", "hardness", "imposed_bias"} <= {judged.sweep.name for judged in standard.judged}
    assert {judged.form for judged in standard.judged} == {"quick"}
    assert len(full.judged) >= len(standard.judged)
    assert quick.trains
    assert standard.trains
    assert not full.trains


def test_labels_are_those_that_the_rules_name():
    labels = {
        judged.prefix + label for judged in job_of("standard").judged for label in judged.sweep.labels()
    }
    assert {
        "centre",
        "hardness/true-labels",
        "hardness/random-labels",
        "imposed_bias/imposed_bias_gap=0.0",
        "imposed_bias/imposed_bias_gap=2.0",
    } <= labels
    paper = [judged for judged in job_of("full").judged if judged.form == "paper"]
    assert all(judged.prefix.startswith("paper/") for judged in paper)


def test_a_paired_arm_of_the_rules_has_the_seeds_of_its_partner():
    for judged in job_of("standard").judged:
        if judged.sweep.name in ("hardness", "imposed_bias"):
            seeds = {}
            for run in judged.sweep.runs:
                seeds.setdefault(run.label, set()).add(run.spec.seed)
            assert set(map(frozenset, seeds.values())) == {frozenset(range(200, 212))}


def test_settings_are_plain_and_name_every_experiment():
    settings = job_of("standard").settings()
    assert json.loads(json.dumps(settings)) == settings
    assert settings["seeds"] == list(range(100, 112))
    assert len(settings["power_model_seeds"]) == 24
    assert {arm["name"] for arm in settings["arms"]} == set(STAR.labels())
    assert settings["experiments"][0]["runs_planned"] == 84


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="quick, standard, full, recorded, got 'fast'"):
        job_of("fast")
