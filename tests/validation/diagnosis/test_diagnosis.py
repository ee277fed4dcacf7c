"""The diagnosis on networks whose reason is planted, and its numbers against the line itself."""

import dataclasses
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from simulations.curves.one_path import interpolation_curves
from simulations.datasets.image_dataset import load
from simulations.models.roles import roles_without_running
from simulations.networks import fcn
from simulations.training.single import train
from tests.validation.helpers.planted_networks import CAUSE, FURTHER, GAP_CLASS, PLANTED, planted_network
from validation.diagnosis.account_errors import DRAWS, SampleCurves, bootstrap_curves, standard_error
from validation.diagnosis.accounts import HOMOGENEOUS_BIAS, LineEnds, diagnose
from validation.diagnosis.counterfactuals import COUNTERFACTUALS, variants
from validation.diagnosis.report import diagnosis_data, diagnosis_markdown, write_diagnosis
from validation.diagnosis.verdict import CAUSES, MATERIAL, cause, causes, changed, verdict
from validation.metrics.curve_shape import plateau_end


@pytest.fixture(scope="module")
def digits():
    return load("digits", limit=500)


@pytest.fixture(scope="module")
def networks(digits):
    return {name: planted_network(name, digits) for name in PLANTED}


@pytest.fixture(scope="module")
def diagnoses(networks, digits):
    return {name: diagnose(*ends, digits) for name, ends in networks.items()}


@pytest.mark.parametrize("name", PLANTED)
def test_each_planted_cause_is_named(name, diagnoses):
    assert cause(diagnoses[name]) == CAUSE[name]


@pytest.mark.parametrize("name", ["imposed gap", "large start"])
def test_the_cause_is_no_accident_of_the_seed(name, digits):
    assert cause(diagnose(*planted_network(name, digits, seed=1), digits)) == CAUSE[name]


def test_the_four_verdicts_differ_in_their_first_sentence(diagnoses):
    first = {verdict(found)[0] for found in diagnoses.values()}
    assert len(first) == 4
    assert set(CAUSE.values()) <= set(CAUSES)
    openings = [verdict(diagnoses[name])[0] for name in PLANTED]
    for sentence, words in zip(
        openings,
        ("Depth alone", "last-layer bias lengthens", "too shallow", "initial weights decide"),
        strict=True,
    ):
        assert words in sentence


def test_the_imposed_gap_holds_the_predictions_and_nothing_else_does(diagnoses):
    found = diagnoses["imposed gap"]
    assert found.largest_bias == GAP_CLASS
    assert found.accounts["last-layer bias"].error > 0.15
    assert found.accounts["other biases"].error == 0
    # On the plateau the class of the gap has the predictions; without the bias it has not.
    at = {"alpha": 0.25}
    share = found.curves["class_share"].sel(predicted_class=GAP_CLASS)
    assert share.sel(counterfactual="linear").sel(at, method="nearest") > 0.9
    assert share.sel(counterfactual="last bias removed").sel(at, method="nearest") < 0.5
    # Its samples are the first to be correct for good, and theory says so too.
    assert np.argmin(found.half_correct) == np.argmin(found.theory_half_correct) == GAP_CLASS


def test_without_a_last_bias_its_account_is_zero_and_the_loss_has_its_plateau_of_depth(diagnoses):
    found = diagnoses["zero last bias"]
    assert found.accounts["last-layer bias"].error == 0
    assert found.accounts["last-layer bias"].loss == 0
    assert "last bias removed" not in found.curves["counterfactual"]
    assert found.accounts["depth"].loss > 0.15
    assert "There is no last-layer bias" in " ".join(verdict(found))


def test_a_last_bias_that_is_there_and_zero_accounts_for_nothing_and_is_called_zero(digits):
    model, start, end = planted_network("bias of zeros", digits)
    assert end["11.bias"].shape == (10,)
    assert not start["11.bias"].any()
    assert not end["11.bias"].any()
    found = diagnose(model, start, end, digits)
    assert causes(found) == ["depth"]
    assert found.accounts["last-layer bias"] == LineEnds(0.0, 0.0)
    assert found.has_last_bias
    assert found.largest_bias == -1
    words = " ".join(verdict(found))
    assert "The last-layer bias is zero" in words
    assert "There is no last-layer bias" not in words


@pytest.mark.parametrize("seed", [0, 1])
def test_two_causes_at_once_are_both_named(seed, digits):
    assert set(FURTHER) == {"bias of zeros", "gap and large start"}
    found = diagnose(*planted_network("gap and large start", digits, seed=seed), digits)
    assert causes(found) == ["last-layer bias", "initialisation"]
    assert cause(found) == "last-layer bias"
    assert found.accounts["last-layer bias"].error > 0.15
    assert found.law.effective_degree < found.degree / 2
    first = verdict(found)[0]
    assert "last-layer bias lengthens" in first
    assert "It is not alone" in first
    assert "the initial weights are so large" in first
    assert diagnosis_data(found)["causes"] == ["last-layer bias", "initialisation"]


def test_one_cause_is_not_called_one_of_several(diagnoses):
    assert all(len(causes(found)) == 1 for found in diagnoses.values())
    assert not any("not alone" in sentence for found in diagnoses.values() for sentence in verdict(found))


def test_the_shallow_network_has_no_plateau_and_the_large_start_took_it_away(diagnoses):
    shallow, large = diagnoses["shallow"].ends["linear"], diagnoses["large start"]
    assert max(shallow.error, shallow.loss) < 0.1
    assert large.accounts["initialisation"].loss < -0.3
    assert not large.law.applies
    assert "does not apply" in " ".join(verdict(large))


@pytest.mark.parametrize("name", PLANTED)
def test_the_degree_is_found_without_being_told(name, diagnoses):
    assert diagnoses[name].degree == PLANTED[name]["depth"]
    assert diagnoses[name].homogeneity == pytest.approx(PLANTED[name]["depth"], abs=1e-3)


@pytest.mark.parametrize("name", PLANTED)
def test_from_zero_the_walked_line_is_the_theorys(name, diagnoses):
    """No hidden biases: the closed form is exact; the engine's curves are worth 1e-3 nats and 0.005."""
    found = diagnoses[name]
    walked = found.curves.sel(counterfactual="zero start")
    np.testing.assert_allclose(walked["loss"], found.theory.loss, atol=2e-3)
    np.testing.assert_allclose(walked["error"][1:], found.theory.error[1:], atol=0.01)
    assert found.ends["zero start"].loss == pytest.approx(found.theory_ends.loss, abs=0.005)
    assert found.ends["zero start"].error == pytest.approx(found.theory_ends.error, abs=0.02)


def test_the_accounts_are_differences_of_ends_measured_apart(networks, diagnoses, digits):
    """Against curves on a grid, from state dicts edited by hand."""
    model, start, end = networks["imposed gap"]
    name = "11.bias"

    def end_of(first, last, quantity):
        curve = interpolation_curves(model, first, last, digits, method="grid")
        return plateau_end(curve["alpha"], curve[quantity])

    without = [state | {name: torch.zeros(10)} for state in (start, end)]
    found = diagnoses["imposed gap"]
    for quantity in ("error", "loss"):
        expected = end_of(start, end, quantity) - end_of(*without, quantity)
        assert getattr(found.accounts["last-layer bias"], quantity) == pytest.approx(expected, abs=0.02)


def test_standard_errors_are_those_of_fresh_samples(networks, digits):
    """The bootstrap on 250 samples against the scatter of the account over disjoint ones."""
    model, start, end = networks["imposed gap"]
    folds = [diagnose(model, start, end, (digits.inputs[i::4], digits.labels[i::4])) for i in range(4)]
    for quantity in ("error", "loss"):
        accounts = [getattr(found.accounts["depth"], quantity) for found in folds]
        errors = [getattr(found.account_errors["depth"], quantity) for found in folds]
        ratio = np.std(accounts, ddof=1) / np.sqrt(np.mean(np.square(errors)))
        # chi over 3 degrees of freedom lies in [0.15, 2.3] with probability 0.998.
        assert 0.15 < ratio < 2.3


def test_paired_draws_cancel_what_two_curves_share():
    rng = np.random.default_rng(0)
    loss = rng.normal(size=(3, 400)).astype(np.float32)
    curves = {"one": SampleCurves(loss, loss > 0), "other": SampleCurves(loss + 1, loss > 1)}
    drawn = bootstrap_curves(curves)
    difference = drawn["other"]["loss"] - drawn["one"]["loss"]
    np.testing.assert_allclose(difference, 1, atol=1e-5)
    assert drawn["one"]["loss"].shape == (DRAWS, 3)
    # The exact standard error of a mean, to the 5 % of 200 draws, three times.
    exact = loss.std(axis=1) / np.sqrt(400)
    np.testing.assert_allclose([standard_error(d) for d in drawn["one"]["loss"].T], exact, rtol=0.15)
    assert np.isnan(standard_error(np.array([1.0, np.nan, 2.0])))
    assert standard_error(np.array([np.nan, *range(30)])) == np.std(range(30), ddof=1)
    with pytest.raises(ValueError, match="'other': 399"):
        bootstrap_curves(curves | {"other": SampleCurves(loss[:, 1:], loss[:, 1:] > 0)})
    with pytest.raises(ValueError, match="got 1"):
        bootstrap_curves(curves, draws=1)


def test_an_account_within_two_standard_errors_is_not_named(diagnoses):
    found = diagnoses["imposed gap"]
    assert cause(found) == "last-layer bias"
    # Without the gap it is another trained network: its account with both ends as they are is what counts.
    assert changed(found, "last-layer bias")
    both = ("last-layer bias", HOMOGENEOUS_BIAS)
    wide = found.account_errors | {name: LineEnds(found.accounts[name].error, 0.0) for name in both}
    doubtful = dataclasses.replace(found, account_errors=wide)
    assert cause(doubtful) != "last-layer bias"
    assert "cannot tell from no change" in " ".join(verdict(doubtful))
    assert "cannot tell" not in " ".join(verdict(found))
    assert " ± " in diagnosis_markdown(diagnosis_data(found))


def test_the_straight_reference_is_the_line_of_a_linear_model(digits):
    """A linear model's logits do move straight: what depth accounts for is nothing, and no theory applies."""
    model = fcn(1, 1, 64, 10, seed=0)
    run = train(model, digits, learning_rate=0.05, max_epochs=5, seed=0)
    zero = {key: torch.zeros_like(tensor) for key, tensor in run.end.items()}
    found = diagnose(run.model, zero, run.end, digits)
    assert found.degree == 1
    assert found.theory is None
    assert found.accounts["depth"].loss == pytest.approx(0, abs=2e-3)
    assert "zero start" not in found.ends
    assert "predicts no plateau" in " ".join(verdict(found))
    json.dumps(diagnosis_data(found), allow_nan=False)
    assert "# Why this line" in diagnosis_markdown(diagnosis_data(found))


def test_the_variants_are_those_that_differ_from_the_line():
    model = fcn(3, 8, 64, 10, bias="all", seed=0)
    start = {key: tensor + 0.5 for key, tensor in model.state_dict().items()}
    end = {key: tensor + 1 for key, tensor in start.items()}
    roles = replace(roles_without_running(model), last_bias="5.bias")
    found = variants(model, start, end, roles, 3)
    assert set(found) == set(COUNTERFACTUALS)
    removed = found["last bias removed"]
    assert not removed.end["5.bias"].any()
    assert torch.equal(removed.end["1.bias"], end["1.bias"])
    others = found["other biases removed"]
    assert torch.equal(others.end["5.bias"], end["5.bias"])
    assert not others.end["1.bias"].any()
    assert torch.equal(others.start["5.bias"], start["5.bias"])
    assert not others.start["1.bias"].any()
    assert not removed.start["5.bias"].any()
    path = found["last bias homogeneous"].path
    assert path("5.bias", 0.5) == 0.125
    assert path("1.bias", 0.5) == 0.5
    inert = [
        {key: tensor * 0 if key.endswith("bias") else tensor for key, tensor in state.items()}
        for state in (start, end)
    ]
    assert set(variants(model, *inert, roles, 3)) == {"linear", "zero start"}


def test_the_report_is_the_diagnosis(tmp_path, diagnoses):
    found = diagnoses["imposed gap"]
    write_diagnosis(tmp_path, found)
    data = json.loads((tmp_path / "report.json").read_text())
    assert data["cause"] == "last-layer bias"
    assert data["accounts"]["last-layer bias"]["error"] == found.accounts["last-layer bias"].error
    text = (tmp_path / "report.md").read_text()
    for name in found.accounts:
        assert f"| {name} |" in text
    assert f"| {GAP_CLASS} (largest last-layer bias) |" in text
    assert (tmp_path / "curves.nc").is_file()


def test_the_first_line_of_the_report_is_the_callers_note(networks, digits):
    found = diagnose(*networks["shallow"], digits, notes=("The start is re-drawn.",))
    assert diagnosis_markdown(diagnosis_data(found)).splitlines()[0] == "The start is re-drawn."


def test_batch_norm_needs_a_policy_and_is_told(digits):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10))
    run = train(model, digits, learning_rate=0.05, max_epochs=5, seed=0)
    for policy in ("refuse", "guess"):
        with pytest.raises(ValueError, match=r"keep.*interpolate.*recalibrate"):
            diagnose(run.model, run.start, run.end, digits, buffers=policy)
    kept = diagnose(run.model, run.start, run.end, digits, buffers="keep")
    assert kept.curves.attrs["buffers"] == "keep"
    moved = diagnose(run.model, run.start, run.end, digits, buffers="interpolate")
    assert any("buffers=interpolate" in note for note in moved.notes)
    assert kept.law.effective_degree == moved.law.effective_degree


def test_dict_batches_and_loaders_are_diagnosed_like_tensors(networks, diagnoses, digits):
    class Output:
        def __init__(self, logits):
            self.logits = logits

    class Wrapped(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, pixels):
            return Output(self.inner(pixels))

    model, start, end = networks["shallow"]
    wrapped, ends = Wrapped(model), [{f"inner.{k}": t for k, t in state.items()} for state in (start, end)]
    batches = [
        {"pixels": digits.inputs[i : i + 200], "labels": digits.labels[i : i + 200]} for i in (0, 200, 400)
    ]
    found = diagnose(wrapped, *ends, batches)
    assert found.law.effective_degree == pytest.approx(diagnoses["shallow"].law.effective_degree, rel=1e-5)
    np.testing.assert_allclose(found.curves["loss"], diagnoses["shallow"].curves["loss"], atol=2e-3)


def test_a_line_that_does_not_fall_and_a_class_without_samples_are_said_in_words(networks, digits):
    """Backwards, from the trained network to its start, the error rises: no plateau has an end."""
    model, start, end = networks["shallow"]
    seen = digits.labels != 4
    found = diagnose(model, end, start, (digits.inputs[seen], digits.labels[seen]))
    assert np.isnan(found.ends["linear"].error)
    assert np.isnan(found.half_correct[4])
    text = " ".join(verdict(found))
    assert "**There is no plateau to explain**: neither error nor loss falls." in text
    assert "spent at no alpha" not in text
    assert " 4 (" not in text
    json.dumps(diagnosis_data(found), allow_nan=False)
    assert "| 4 | – | – |" in diagnosis_markdown(diagnosis_data(found))


def test_bad_input_is_refused(networks, digits):
    model, start, end = networks["shallow"]
    with pytest.raises(ValueError, match="alphas must be an integer >= 11, got 5"):
        diagnose(model, start, end, digits, alphas=5)
    with pytest.raises(ValueError, match="start and end are the same checkpoint"):
        diagnose(model, end, end, digits)
    with pytest.raises(ValueError, match="start does not fit the model"):
        diagnose(model, {}, end, digits)


def test_a_change_below_the_material_one_is_not_called_one(diagnoses):
    sentences = " ".join(verdict(diagnoses["shallow"]))
    account = diagnoses["shallow"].accounts["last-layer bias"]
    assert abs(account.error) < MATERIAL
    assert "Without the last-layer bias the error's plateau would be about as long" in sentences
