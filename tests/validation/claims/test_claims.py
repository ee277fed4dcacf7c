"""Each claim finds the truth planted in synthetic runs, and says undecided where the runs cannot tell."""

import dataclasses
import re
from functools import cache

import numpy as np
import pytest
import xarray as xr

from simulations.specs.run_spec import RunSpec
from tests.validation.helpers.planted import SEEDS, planted
from validation.claims import CLAIMS, Measurement
from validation.claims.c6 import learned_epochs
from validation.claims.observations import observe
from validation.claims.predicted import ENDPOINTS, PROBE, falling_curve, predicted_plateau_end
from validation.judgement.judging import judge


def verdict(claim_id, observations):
    """The claim judged among nine of which the others have no data: Holm's hardest step, and quick."""
    silent = lambda _: Measurement({})  # noqa: E731
    claims = [
        claim if claim.id == claim_id else dataclasses.replace(claim, measure=silent, check=lambda _: ())
        for claim in CLAIMS
    ]
    return {v.claim.id: v for v in judge(claims, observations)}[claim_id]


@cache
def default_truth(n_seeds=12):
    return {v.claim.id: v for v in judge(CLAIMS, planted(seeds=SEEDS[:n_seeds]))}


def every_other(one, other):
    return lambda seed: one if seed % 2 else other


SUPPORTED = {
    "C1": {},
    "C2": {"random_labels": True},
    "C3": {},
    "C4": {},
    "C5": {},
    "C6": {},
    "C7": {"practical": 0.2},
    "C8": {},
    "C9": {"follows_theory": True},
}
REFUTED = {
    "C1": {"error_rise": 0.1},
    "C2": {"random_labels": True, "random_labels_rise": 0.2},
    "C3": {"ends": {("centre", "homogeneous"): 0.45}},
    "C4": {"ends": {("centre", "weights"): 0.05}},
    "C5": {"ends": {("depth-2", "linear"): 0.45}},
    "C6": {"bias_spread": 0.001},
    "C7": {"practical": 0.0},
    "C8": {"loss_rise": 0.0},
    "C9": {},
}
UNDECIDED = {
    "C1": {"error_rise": every_other(0.1, 0.0)},
    "C2": {"random_labels": True, "random_labels_rise": every_other(0.02, 0.0)},
    "C3": {"ends": {("centre", "homogeneous"): every_other(0.45, 0.25)}},
    "C4": {"ends": {("centre", "weights"): every_other(0.05, 0.6)}},
    "C5": {"ends": {("depth-2", "linear"): every_other(0.15, 0.45)}},
    "C6": {"order_holds": every_other(True, False)},
    "C7": {"practical": every_other(0.0, 0.1)},
    "C8": {"loss_rise": every_other(0.003, 0.0)},
    "C9": {},  # set in the test: see there
}


@pytest.mark.parametrize("claim_id", SUPPORTED)
def test_a_planted_truth_is_supported(claim_id):
    truth = SUPPORTED[claim_id]
    found = verdict(claim_id, planted(**truth)) if truth else default_truth()[claim_id]
    assert found.verdict == "supported", found


@pytest.mark.parametrize("claim_id", REFUTED)
def test_a_planted_contrary_is_refuted(claim_id):
    assert verdict(claim_id, planted(**REFUTED[claim_id])).verdict == "refuted"


@pytest.mark.parametrize("claim_id", UNDECIDED)
def test_seeds_that_disagree_leave_it_undecided(claim_id):
    truth = UNDECIDED[claim_id]
    observations = planted(**truth)
    if claim_id == "C9":
        # Half of the seeds follow the theory and half miss it a little: their mean is at the threshold.
        observations = planted(follows_theory=True)
        for run in observations.runs:
            if run.attrs["seed"] % 2:
                for quantity in ("loss", "error"):
                    run[quantity][:, 50] += 0.1
    assert verdict(claim_id, observations).verdict == "undecided"


@pytest.mark.parametrize("claim_id", SUPPORTED)
def test_ten_seeds_are_too_few(claim_id):
    truth = SUPPORTED[claim_id]
    found = verdict(claim_id, planted(seeds=SEEDS[:10], **truth)) if truth else default_truth(10)[claim_id]
    assert found.verdict == "undecided: too few seeds"
    assert found.p_holm is None
    assert found.missing.startswith("10 seeds with a number, 11 needed: `mli sweep ")
    assert f" {found.claim.experiment} --seeds 11`, then `mli validate --profile full`" in found.missing


@pytest.mark.parametrize("claim_id", [claim.id for claim in CLAIMS])
def test_nothing_observed_is_no_data(claim_id):
    found = verdict(claim_id, planted(seeds=[]))
    assert found.verdict == "undecided: no data"
    assert found.missing.startswith("no seeds with a number, 11 needed: ")


def test_what_the_star_cannot_tell_has_no_data():
    verdicts = default_truth()
    assert verdicts["C2"].verdict == verdicts["C7"].verdict == "undecided: no data"


@pytest.mark.parametrize("reason", ["stagnated", "diverged"])
def test_runs_off_target_and_pilot_seeds_count_nowhere(reason):
    observations = planted(
        seeds=[*range(8), *SEEDS], status=lambda seed: reason if seed == 105 else "reached"
    )
    assert {int(run.attrs["seed"]) for run in observations.runs} == set(SEEDS) - {105}
    left = {(out.seed, out.reason) for out in observations.left_out if out.arm == "centre"}
    assert left == {(seed, "a pilot seed") for seed in range(8)} | {
        (105, f"{reason}: did not reach the target loss")
    }
    for result in verdict("C3", observations).results:
        assert set(result.by_seed) == set(SEEDS) - {105}


def test_a_seed_missing_in_one_arm_is_dropped_from_the_pair_only():
    observations = planted()
    observations = type(observations)(
        tuple(r for r in observations.runs if (r.attrs["arm"], r.attrs["seed"]) != ("depth-2", 103)),
        observations.power_model,
    )
    by_key = {r.criterion.key: set(r.by_seed) for r in verdict("C5", observations).results}
    assert by_key["loss_depth_8_minus_2"] == set(SEEDS) - {103}
    assert by_key["loss_last_minus_none"] == set(SEEDS)


def test_the_same_run_twice_is_refused():
    runs = planted(seeds=[100]).runs
    with pytest.raises(ValueError, match=r"centre has two runs of seed 100"):
        observe([runs[0], runs[0]])


def test_a_failed_set_up_refutes_nothing():
    # Random labels that are no harder: their rises say nothing about hardness.
    truth = REFUTED["C2"] | {"random_labels_steps": 500.0}
    assert verdict("C2", planted(**truth)).verdict == "undecided"


def all_else(hard, easy):
    """What C2's check finds of runs with the attributes of stored ones, and these changes."""
    runs = []
    for run in planted(arms=(), **SUPPORTED["C2"]).runs:
        arm = run.attrs["arm"]
        attributes = RunSpec(depth=8, width=8, learning_rate=0.1, max_epochs=9, seed=0).attributes()
        made = {"commit": f"of {arm}", "code": f"of {arm}", "torch_version": arm, "made": arm, "device": arm}
        changes = hard if arm.endswith("random-labels") else easy
        runs.append(run.assign_attrs(attributes | {"seed": run.attrs["seed"]} | made | changes))
    (check,) = (c for c in verdict("C2", observe(runs)).checks if c.hypothesis == "all else is the same")
    return check.met, check.of, max(check.size.values())


def test_who_made_a_run_is_no_part_of_what_it_is():
    """C2: two commits, or two versions of torch, are not two specifications."""
    labels = {"label_noise": 1.0, "max_epochs": 900}
    assert all_else(labels, {"label_noise": 0.0, "max_epochs": 90}) == (12, 12, 0)
    assert all_else(labels | {"width": 16}, {"label_noise": 0.0}) == (0, 12, 1)
    assert all_else(labels | {"bias_mode": "none", "init_scale": 2.0}, {"threads": 2}) == (0, 12, 3)


def test_unbalanced_data_are_no_evidence_for_c6_and_c8():
    observations = planted()
    for run in observations.runs:
        run["labels"][0] = 3
    assert verdict("C6", observations).verdict == "undecided: no data"
    assert verdict("C8", observations).verdict == "undecided: no data"


def test_hidden_biases_are_outside_c9():
    shown = default_truth()["C9"].evidence["linear_path_by_arm"]
    assert "bias-all" not in shown
    assert {"centre", "bias-none", "depth-2"} <= set(shown)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_rule_is_complete_before_any_result(claim):
    assert re.search(r"\bA[1-6]\b|\bT\d", claim.source)
    for criterion in claim.criteria:
        assert criterion.reason
        assert criterion.about in claim.rule
        if "plateau" in criterion.measures:
            assert criterion.about in ("loss", "error", "loss and error")
            assert all(curve in criterion.measures for curve in criterion.about.split(" and "))
    # What is measured is what the rule names, no more and no less; a law predicts one of them.
    measurement = claim.measure(planted(seeds=[100]))
    keys = {c.key for c in claim.criteria}
    assert set(measurement.values) == keys
    assert set(measurement.predicted) <= keys


def test_ids_are_c1_to_c9_in_order():
    assert [claim.id for claim in CLAIMS] == [f"C{i}" for i in range(1, 10)]


def test_an_undefined_number_counts_neither_way():
    observations = planted()
    for run in observations.runs:
        if (run.attrs["arm"], run.attrs["seed"]) == ("centre", 100):
            run["error"][:] = np.nan
    (first, *_) = verdict("C3", observations).results
    assert first.undefined_seeds == (100,)
    assert first.mean == pytest.approx(0.2, abs=0.02)


def test_an_imposed_bias_counts_where_it_was_run_and_is_named_where_not():
    without = verdict("C5", planted())
    assert without.verdict == "supported"
    assert [c.key for c in without.left_out()] == ["imposed_gap_2_minus_0"]
    with_it = verdict("C5", planted(imposed=(0.2, 0.2)))
    assert with_it.verdict == "supported"
    assert not with_it.left_out()


def test_an_imposed_bias_must_lengthen_both_plateaus():
    assert verdict("C5", planted(imposed=(0.0, 0.2))).verdict == "refuted"
    assert verdict("C5", planted(imposed=(0.2, 0.0))).verdict == "refuted"


def test_a_few_seeds_of_an_experiment_are_too_few_not_none():
    observations = planted(imposed=(0.2, 0.2))
    kept = [
        run
        for run in observations.runs
        if not run.attrs["arm"].startswith("imposed_bias") or run.attrs["seed"] < 105
    ]
    assert verdict("C5", type(observations)(tuple(kept))).verdict == "undecided: too few seeds"


def test_the_degree_of_the_signal_counts_where_the_store_has_its_gain():
    for degree, word in ((4.0, "supported"), (1.5, "refuted")):
        found = verdict("C4", planted(gain_degree=degree))
        assert found.verdict == word
        assert found.results[2].mean == pytest.approx(degree - 1)
    assert [c.key for c in verdict("C4", planted()).left_out()] == ["signal_degree_minus_bias_degree"]


def test_a_prediction_is_set_beside_what_it_predicts():
    law = "zero initial weights (T1 to T5)"
    follows = verdict("C8", planted(follows_theory=True)).results[0].predicted[law]
    misses = verdict("C8", planted(loss_rise=0.5)).results[0].predicted[law]
    # But for the loss at alpha = 0, where the planted one is the limit of the law's too.
    assert follows.difference == pytest.approx(0, abs=1e-9)
    assert misses.difference == pytest.approx(0.5 - misses.mean, abs=1e-9)
    low, high = misses.interval
    assert low <= misses.mean <= high


def test_hypotheses_are_looked_at_on_the_data():
    observations = planted()
    for run in observations.runs:
        run["retention"] = "layer", [0.3, 0.2] if run.attrs["seed"] % 2 else [0.0, 0.01]
    checks = {check.hypothesis: check for check in verdict("C8", observations).checks}
    assert checks["the classes are of one size"].state == "met"
    start = checks["the initial weights are zero"]
    assert (start.state, start.met, start.of) == ("met in part", 6, 12)
    assert start.size["centre 101"] == pytest.approx(0.5)
    assert verdict("C8", planted(seeds=[])).checks[0].state == "no data"


def test_a_law_whose_curve_does_not_fall_has_no_shape():
    run = planted(seeds=[100]).arm("centre")[100]
    fall = float(run["error"][0, 0] - run["error"][0, -1])
    for share, told in ((1.0, True), (0.4, False), (-1.0, False)):
        run["probe_error"] = "alpha", 0.1 + share * fall * (1 - run["alpha"].to_numpy())
        assert (falling_curve(run, "error", PROBE) is not None) == told
        assert np.isfinite(predicted_plateau_end(run, "error", PROBE)) == told
    assert falling_curve(run, "error", ENDPOINTS) is None


def test_a_sixth_refuting_criterion_is_refused():
    c5 = CLAIMS[4]
    with pytest.raises(ValueError, match="at most 5"):
        dataclasses.replace(c5, criteria=(*c5.criteria, dataclasses.replace(c5.criteria[0], key="more")))


def test_the_epoch_at_which_a_class_is_learned_is_the_first_that_stays():
    accuracy = np.array([[0.1, 0.6, 0.2], [0.6, 0.4, 0.2], [0.4, 0.7, 0.2], [0.9, 0.8, 0.5]])
    run = xr.Dataset({"class_accuracy": (("epoch", "class_index"), accuracy)})
    np.testing.assert_array_equal(learned_epochs(run), [3, 2, np.inf])


def test_networks_without_a_depth_of_their_own_are_measured_by_every_claim():
    """VGG-16 and ResNet-18 are known by name: their attribute depth is empty, as in the store."""
    observations = planted(
        seeds=SEEDS[:2], practical=0.1, gain_degree=4.0, imposed=(0.1, 0.1), random_labels=True
    )
    assert any(run.attrs["depth"] == "" for run in observations.runs)
    for claim in CLAIMS:
        claim.measure(observations)
        claim.check(observations)
