"""C10 to C13 on recorded runs with a planted truth: each criterion can hold, fail, and lack its data."""

import numpy as np
import pytest

from tests.validation.helpers.planted_realistic import ARMS, planted_realistic
from validation.claims import c10, c11, c12, c13
from validation.claims.line_shape import end_of_plateau
from validation.claims.realistic_runs import FCN, held_by_the_largest_bias, runs_of
from validation.judgement.judging import judge

CLAIMS = tuple(module.CLAIM for module in (c10, c11, c12, c13))
FCN_LAST, FCN_NONE, FCN_SHALLOW = (("mnist_fcn", *arm) for arm in (("last", 10), ("none", 10), ("last", 4)))
VGG_LAST = ("cifar_vgg16_small_start", "last", 0)


def verdicts(changes=None, claims=CLAIMS, **how):
    return {v.claim.id: v for v in judge(claims, planted_realistic(changes, **how))}


def test_the_planted_ends_are_measured():
    runs = planted_realistic().runs
    for (experiment, bias, depth), (loss, error, homogeneous, held) in ARMS.items():
        found = [
            run
            for run in runs
            if (run.attrs["experiment"], run.attrs["bias_mode"], run.attrs["depth"])
            == (experiment, bias, depth)
        ]
        for run in found:
            assert end_of_plateau(run, "loss") == pytest.approx(loss, abs=0.025)
            assert end_of_plateau(run, "error") == pytest.approx(error, abs=0.025)
            assert end_of_plateau(run, "error", "homogeneous") == pytest.approx(homogeneous, abs=0.025)
            assert held_by_the_largest_bias(run) == held


def test_the_truth_is_supported():
    assert {name: v.verdict for name, v in verdicts().items()} == dict.fromkeys(
        ["C10", "C11", "C12", "C13"], "supported"
    )


@pytest.mark.parametrize(
    ("claim", "changes", "criterion"),
    [
        ("C10", {FCN_LAST: (0.35, 0.15, 0.05, True)}, "error_fcn"),
        ("C10", {VGG_LAST: (0.15, 0.32, 0.15, True)}, "loss_vgg16_small_start"),
        ("C11", {FCN_NONE: (0.35, 0.28, 0.05, False)}, "fcn_last_minus_none"),
        ("C11", {VGG_LAST: (0.45, 0.32, 0.31, True)}, "vgg16_small_start_linear_minus_homogeneous"),
        ("C11", {FCN_LAST: (0.35, 0.30, 0.05, False)}, "held_by_the_largest_bias"),
        ("C12", {FCN_NONE: (0.20, 0.05, 0.05, False)}, "fcn_not_longer"),
        ("C12", {FCN_NONE: (0.50, 0.05, 0.05, False)}, "fcn_not_shorter"),
        ("C12", {FCN_SHALLOW: (0.34, 0.05, 0.05, False)}, "depth_10_minus_4"),
        ("C13", {("cifar_vgg16", "last", 0): (0.30, 0.30, 0.14, False)}, "vgg16_not_longer"),
        ("C13", {("cifar_resnet18", "none", 0): (0.10, 0.30, 0.12, False)}, "resnet18_not_shorter"),
    ],
)
def test_each_criterion_refutes_its_claim_alone(claim, changes, criterion):
    alone = [one for one in CLAIMS if one.id == claim]
    found = verdicts(changes, alone)[claim]
    assert found.verdict == "refuted"
    failing = [r.criterion.key for r in found.results if r.p_against is not None and r.p_against < 0.01]
    assert failing == [criterion]


def test_too_few_seeds_and_no_data_are_undecided():
    few = verdicts(seeds=range(300, 305))
    assert {v.verdict for v in few.values()} == {"undecided: too few seeds"}
    assert "mli sweep mnist_fcn cifar_vgg16_small_start --seeds 11" in few["C10"].missing
    assert {v.verdict for v in verdicts(seeds=()).values()} == {"undecided: no data"}


def test_a_tie_of_the_largest_bias_is_nobodys():
    run = planted_realistic().runs[0]
    assert held_by_the_largest_bias(run)
    assert not held_by_the_largest_bias(run.assign(bias=("class_index", np.zeros(10))))


def test_arms_are_found_by_what_they_are_and_not_by_their_label():
    observations = planted_realistic()
    assert all(run.attrs["depth"] == 10 for run in runs_of(observations, FCN, "last").values())
    assert all(run.attrs["depth"] == 4 for run in runs_of(observations, FCN, "last", 4).values())
    assert not runs_of(observations, FCN, "all")
