"""What a claim is judged on, in words: as the sweeps' files have it."""

from dataclasses import replace

import pytest

from simulations.specs.sweep_file import Sweep, read_sweep
from validation.claims import CLAIMS
from validation.claims import scope_text as scope_module
from validation.claims.scope_text import scope_text, spec_of


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_arm_is_one_of_a_sweep_and_its_data_and_depth_are_told(claim):
    text = scope_text(claim)
    for arm in claim.arms:
        spec = spec_of(arm)
        assert spec.data in text
        assert spec.depth is None or str(spec.depth) in text.split("depth ")[1].split(",")[0]
        assert f"{spec.init_scale:g}" in text.split("initial scale ")[1]


def test_what_differs_is_told_the_first_arm_first():
    by_id = {claim.id: scope_text(claim) for claim in CLAIMS}
    assert "depth 8 beside 2, width 64, bias in the last layer beside no bias" in by_id["C5"]
    assert "random labels beside true labels" in by_id["C2"]
    assert "without batch norm beside ResNet-18" in by_id["C7"]
    assert "Adam" in by_id["C7"]
    assert "the power model with 4 classes, degree 3" in by_id["C6"]


def test_a_change_of_a_sweep_changes_the_words(monkeypatch):
    star = read_sweep("star")
    wider = tuple(replace(run, spec=replace(run.spec, width=128)) for run in star.runs)
    monkeypatch.setattr(scope_module, "read_sweep", lambda _: Sweep("star", "wider", wider))
    spec_of.cache_clear()
    try:
        assert "width 128" in scope_text(next(claim for claim in CLAIMS if claim.id == "C8"))
    finally:
        spec_of.cache_clear()


def test_an_arm_that_no_sweep_has_is_refused():
    with pytest.raises(ValueError, match="hardness has no arm 'no-labels'"):
        spec_of("hardness/no-labels")
