"""Diagnoses of networks whose head, weights or outputs are not the plain ones: what is lost is said."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from paper_figures.figures.diagnosis_figure import save_diagnosis_figure
from simulations.curves.one_path import interpolation_curves
from simulations.datasets.image_dataset import load
from tests.plain_line import plain_line
from tests.simulations.curves.helpers.networks import copy_of
from validation.diagnosis import accounts
from validation.diagnosis.report import diagnosis_data, diagnosis_markdown, write_diagnosis
from validation.diagnosis.verdict import cause, verdict
from validation.metrics.curve_shape import plateau_end

ALPHAS = 51  # their step is 0.02: an end is right to two steps


def diagnose(*run, **options):
    return accounts.diagnose(*run, alphas=ALPHAS, n_probe=40, **options)


@pytest.fixture(scope="module")
def digits():
    data = load("digits", limit=120)
    return data.inputs.flatten(1), data.labels


def trained(make, digits, steps=40, rate=0.02):
    """A model, its initial state and its state after a few steps of Adam."""
    torch.manual_seed(0)
    model = make()
    start = copy_of(model)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        output = model(digits[0])
        output = output[1] if isinstance(output, tuple) else getattr(output, "scores", output)
        nn.functional.cross_entropy(output, digits[1]).backward()
        optimiser.step()
    return model.eval(), start, copy_of(model)


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(64, 16), nn.Linear(16, 16)

    def forward(self, x):
        return torch.relu(self.second(torch.relu(self.first(x))))


class Headed(nn.Module):
    """The head is declared before the body, and another layer after both."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(16, 10)
        self.body = Body()
        self.unused = nn.Linear(10, 10)

    def forward(self, x):
        return self.head(self.body(x))


class Lora(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.base = Body(), nn.Linear(16, 10)
        self.down, self.up = nn.Linear(16, 2, bias=False), nn.Linear(2, 10, bias=False)

    def forward(self, x):
        h = self.body(x)
        return self.base(h) + self.up(self.down(h))


class Temperature(Headed):
    def __init__(self):
        super().__init__()
        self.register_buffer("temperature", torch.tensor(0.5))

    def forward(self, x):
        return super().forward(x) / self.temperature


class Softmaxed(Headed):
    def forward(self, x):
        return 5 * super().forward(x).softmax(dim=1)


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x


class Recurrent(nn.Module):
    """Its biases are called bias_ih_l0 and bias_hh_l0."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(16, 10)
        self.cells = nn.LSTM(8, 16, batch_first=True)

    def forward(self, x):
        return self.head(self.cells(x.view(-1, 8, 8))[0][:, -1])


def parametrised_bias():
    model = Headed()
    parametrize.register_parametrization(model.head, "bias", Doubled())
    return model


def pruned_bias():
    model = Headed()
    prune.random_unstructured(model.head, "bias", 3)
    return model


def weight_normed(place="body.first"):
    model = Headed()
    parametrizations.weight_norm(model.get_submodule(place))
    return model


def spectral_normed():
    model = Headed()
    parametrizations.spectral_norm(model.body.second)
    return model


def ends_of_plain(run, data, *, without=(), zero=False):
    """The plateaus' ends (error, loss) by a plain loop, from state dicts edited by hand."""
    model, start, end = run
    states = [{n: torch.zeros_like(t) if n in without else t for n, t in s.items()} for s in (start, end)]
    if zero:
        states[0] = {n: torch.zeros_like(t) if t.is_floating_point() else t for n, t in start.items()}
    alphas = np.linspace(0, 1, ALPHAS)
    found = plain_line(model, *states, *data, alphas, buffers="keep")
    return plateau_end(alphas, found.error), plateau_end(alphas, found.loss)


LAST = {
    Headed: "head.bias",
    Lora: "base.bias",
    Temperature: "head.bias",
    parametrised_bias: "head.parametrizations.bias.original",
    pruned_bias: "head.bias_orig",
}


@pytest.mark.parametrize("make", LAST)
def test_the_last_bias_is_told_from_the_others_whatever_the_head(make, digits):
    run = trained(make, digits)
    found = diagnose(*run, digits)
    assert found.roles.last_bias == LAST[make]
    assert not found.left_out
    names = [name for name, _ in run[0].named_parameters() if "bias" in name]
    others = [name for name in names if name != LAST[make]]
    linear = ends_of_plain(run, digits)
    for account, removed in (("last-layer bias", [LAST[make]]), ("other biases", others)):
        error, loss = (
            a - b for a, b in zip(linear, ends_of_plain(run, digits, without=removed), strict=True)
        )
        assert found.accounts[account].error == pytest.approx(error, abs=0.04)
        assert found.accounts[account].loss == pytest.approx(loss, abs=0.01)
    assert f"last bias: {LAST[make]}" in diagnosis_markdown(diagnosis_data(found))
    # What the law takes for the bias at the end is what the head adds there.
    model = run[0]
    model.load_state_dict(run[2])
    added = model.base.bias if make is Lora else model.head.bias / (0.5 if make is Temperature else 1)
    assert found.largest_bias == int(added.argmax())


@pytest.mark.parametrize("make", [weight_normed, lambda: weight_normed("head"), spectral_normed])
def test_a_counterfactual_that_is_not_finite_is_left_out_and_the_rest_kept(make, digits, tmp_path):
    run = trained(make, digits)
    options = {"buffers": "keep"} if make is spectral_normed else {}
    found = diagnose(*run, digits, **options)
    assert set(found.left_out) == {"initialisation"}
    assert "zero start" not in found.curves["counterfactual"]
    assert np.isnan(found.accounts["initialisation"].error)
    linear, without = ends_of_plain(run, digits), ends_of_plain(run, digits, without=["head.bias"])
    assert found.accounts["last-layer bias"].loss == pytest.approx(linear[1] - without[1], abs=0.01)
    sentence = "What the initialisation accounts for is left out: on the line 'zero start' the logits are not"
    assert any(sentence in words for words in verdict(found))
    data = write_diagnosis(tmp_path, found)
    json.loads((tmp_path / "report.json").read_text())
    assert data["accounts"]["initialisation"] == {"error": None, "loss": None}
    assert (
        "| initialisation | – | – | left out: on the line 'zero start'"
        in (tmp_path / "report.md").read_text()
    )
    assert all(path.is_file() for path in save_diagnosis_figure(tmp_path, found))


def test_logits_that_do_not_split_keep_the_accounts_that_need_no_split(digits, tmp_path):
    run = trained(Softmaxed, digits)
    found = diagnose(*run, digits)
    assert set(found.left_out) == {"last-layer bias", "depth"}
    assert cause(found) in ("other biases", "outside the theory")
    linear, zero = ends_of_plain(run, digits), ends_of_plain(run, digits, zero=True)
    assert found.accounts["initialisation"].loss == pytest.approx(linear[1] - zero[1], abs=0.01)
    biases = [name for name, _ in run[0].named_parameters() if name.endswith("bias")]
    without = ends_of_plain(run, digits, without=biases)
    assert found.accounts["other biases"].loss == pytest.approx(linear[1] - without[1], abs=0.01)
    text = " ".join(verdict(found))
    assert "no bias shifts those of all samples alike (tried head.bias, unused.bias)" in text
    assert found.law is None
    write_diagnosis(tmp_path, found)
    assert save_diagnosis_figure(tmp_path, found)


def test_batch_statistics_and_a_dead_end_leave_the_theory_out(digits):
    class Batched(Headed):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(16, track_running_stats=False)

        def forward(self, x):
            return self.head(self.norm(self.body(x)))

    found = diagnose(*trained(Batched, digits), digits)
    assert set(found.left_out) == {"depth"}
    assert "depend on the other samples of its batch" in found.left_out["depth"]
    assert np.isfinite(found.accounts["last-layer bias"].loss)
    model, start, end = trained(Headed, digits)
    dead = end | {"head.weight": torch.zeros_like(end["head.weight"])}
    found = diagnose(model, start, dead, digits)
    assert "signal is 0" in found.left_out["depth"]


class Rooted(Headed):
    """Its logits are finite and their gradient is not, at a last weight of zeros for one class."""

    def forward(self, x):
        h = self.body(x)
        root = (h @ self.head.weight.T).abs().sqrt()
        return root * root + self.head.bias


def test_a_signal_without_a_gradient_costs_its_accounts_alone(digits):
    model, start, end = trained(Rooted, digits)
    end["head.weight"][3] = 0
    found = diagnose(model, start, end, digits)
    assert found.law is None
    assert set(found.left_out) == {"depth"}
    assert "not finite" in found.left_out["depth"]
    assert np.isfinite(found.accounts["other biases"].loss)
    assert verdict(found)


def test_biases_that_are_divided_by_their_norm_are_left_out_and_the_line_is_told(digits):
    found = diagnose(*trained(normed_bias, digits), digits)
    assert set(found.left_out) == {"last-layer bias", "other biases", "depth", "initialisation"}
    assert "tried head.parametrizations.bias.original0" in found.left_out["last-layer bias"]
    assert np.isfinite(found.ends["linear"].loss)
    assert cause(found) == "no plateau to explain"  # both plateaus end at once: nothing asks for a cause


def normed_bias():
    model = Headed()
    parametrizations.weight_norm(model.head, "bias", dim=None)
    return model


def test_biases_of_recurrent_layers_are_counted(digits):
    run = trained(Recurrent, digits)
    found = diagnose(*run, digits)
    assert found.roles.biases == ("head.bias", "cells.bias_ih_l0", "cells.bias_hh_l0")
    assert found.roles.last_bias == "head.bias"
    assert "other biases are absent" not in " ".join(verdict(found))
    alphas = np.linspace(0, 1, 6)
    plain = plain_line(*run, *digits, alphas, coefficient=lambda n, a: a if "bias" in n else 1.0)
    walked = interpolation_curves(*run, digits, alphas=alphas, path="bias")
    np.testing.assert_allclose(walked.loss, plain.loss, rtol=1e-5)
    assert walked.attrs["biases"] == "head.bias, cells.bias_ih_l0, cells.bias_hh_l0"


def test_the_path_and_the_exits_of_the_last_bias_are_of_the_layer_that_runs_last(digits):
    run = trained(Headed, digits)
    alphas = np.linspace(0, 1, 6)
    plain = plain_line(*run, *digits, alphas, coefficient=lambda n, a: a if n == "head.bias" else 1.0)
    walked = interpolation_curves(*run, digits, alphas=alphas, path="last_bias")
    np.testing.assert_allclose(walked.loss, plain.loss, rtol=1e-5)
    run[2]["head.bias"][4] += 4  # holds the predictions for a while
    grid = np.linspace(0, 1, 41)
    found = interpolation_curves(*run, digits, alphas=grid, exits=True, method="grid")
    assert found.attrs["last_layer"] == "head, found by running"
    expected = []
    for predicted in plain_line(*run, *digits, grid).logits.argmax(axis=2).T:
        held = predicted == 4
        leaves = np.flatnonzero(held[:-1] & ~held[1:])
        expected.append(grid[leaves[0] + 1] if len(leaves) else np.inf if held.any() else np.nan)
        if held[-1] or held[np.flatnonzero(~held)[:1]].any() or (held[1:] & ~held[:-1]).any():
            expected[-1] = None  # entered on the way: not this test's matter
    pairs = [(a, e) for a, e in zip(found.bias_exit.values, expected, strict=True) if e is not None]
    assert len(pairs) >= 40  # a third of the samples
    np.testing.assert_allclose(*zip(*pairs, strict=True))
    assert np.isfinite([alpha for alpha, _ in pairs]).sum() > 10


def test_what_was_found_can_be_corrected(digits):
    run = trained(Lora, digits)
    found = diagnose(*run, digits, biases=["base.bias", "body.first.bias"], last_layer="base")
    assert found.roles.how == "given"
    assert found.roles.hidden_biases == ["body.first.bias"]
    linear, without = ends_of_plain(run, digits), ends_of_plain(run, digits, without=["body.first.bias"])
    assert found.accounts["other biases"].loss == pytest.approx(linear[1] - without[1], abs=0.01)
    other = diagnose(*run, digits, last_layer="body.second")
    assert "tried body.second.bias" in other.left_out["last-layer bias"]
    for refused in ({"last_layer": "headd"}, {"biases": ["headd.bias"]}):
        with pytest.raises(ValueError, match="headd"):
            diagnose(*run, digits, **refused)


@dataclass
class Scores:
    hidden: torch.Tensor
    scores: torch.Tensor


class Tupled(Headed):
    def forward(self, x):
        h = self.body(x)
        return h, self.head(h)


class Scored(Tupled):
    def forward(self, x):
        return Scores(*super().forward(x))


@pytest.mark.parametrize(
    ("make", "picks"),
    [(Tupled, [1, -1, lambda output: output[1]]), (Scored, ["scores", lambda output: output.scores])],
)
def test_logits_are_picked_out_of_tuples_and_dataclasses(make, picks, digits):
    run = trained(make, digits)
    plain = plain_line(*run, *digits, [0.0, 0.4, 1.0], pick=picks[-1])
    for pick in picks:
        found = interpolation_curves(*run, digits, alphas=[0.0, 0.4, 1.0], output=pick)
        np.testing.assert_allclose(found.loss, plain.loss, rtol=1e-5)
    told = diagnose(*run, digits, output=picks[0])
    assert told.roles.last_bias == "head.bias"
    assert not told.left_out
    with pytest.raises(ValueError, match="pick the logits by output="):
        interpolation_curves(*run, digits)
    for wrong in (7, "nothing", lambda _: None):
        with pytest.raises(ValueError, match="picks no tensor out of what the network returned"):
            interpolation_curves(*run, digits, output=wrong)
