"""What a claim is judged on, in words: as the sweeps' files have it."""

from dataclasses import replace

import pytest

from simulations.sweeps import Sweep, read_sweep
from validation import scopes
from validation.claims import CLAIMS
from validation.profiles import job_of
from validation.scopes import scope_text

LABELS = {judged.prefix + label for judged in job_of("standard").judged for label in judged.sweep.labels()}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_arm_is_one_of_a_sweep_and_its_data_and_depth_are_told(claim):
    assert set(claim.arms) <= LABELS
    text = scope_text(claim)
    for arm in claim.arms:
        experiment, _, label = arm.rpartition("/")
        spec = next(run.spec for run in read_sweep(experiment or "star").runs if run.label == label)
        assert spec.data in text
        assert spec.depth is None or str(spec.depth) in text.split("depth ")[1].split(",")[0]
        assert f"{spec.init_scale:g}" in text.split("initial scale ")[1]


def test_what_differs_is_told_the_first_arm_first():
    by_id = {claim.id: scope_text(claim) for claim in CLAIMS}
    assert "depth 8 beside 2, width 64, bias in the last layer beside no bias" in by_id["C5"]
    assert "random labels beside true labels" in by_id["C2"]
    assert "without batch norm beside ResNet-18" in by_id["C7"]
    assert "Adam" in by_id["C7"]
    assert "the simple model with 4 classes, degree 3" in by_id["C6"]


def test_a_change_of_a_sweep_changes_the_words(monkeypatch):
    star = read_sweep("star")
    wider = tuple(replace(run, spec=replace(run.spec, width=128)) for run in star.runs)
    monkeypatch.setattr(scopes, "read_sweep", lambda _: Sweep("star", "wider", wider))
    scopes._spec.cache_clear()
    try:
        assert "width 128" in scope_text(next(claim for claim in CLAIMS if claim.id == "C8"))
    finally:
        scopes._spec.cache_clear()
