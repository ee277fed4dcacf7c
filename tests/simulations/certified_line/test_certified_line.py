"""The certificate of a torch module: right by whole numbers, or refused; kept and checked again."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from simulations.certified_line import CertifiedLine, certify_line
from simulations.certified_line.certify import seconds_expected
from simulations.certified_line.line_of_module import open_certified_line
from simulations.certified_line.stored import sealed
from tests.mli_theory.second_routes.relu_line_exactly import exact_logits, leader


def network(*, bias=True):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(4, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 5, bias=bias), nn.ReLU(),
        nn.Identity(), nn.Linear(5, 3),
    ).eval()  # fmt: skip


@pytest.fixture(scope="module")
def made():
    """Network, start, end, data, certificate: a start whose bias rules, an end that does not."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = network()
        start = {key: value * 0.1 for key, value in network().state_dict().items()}
        end = {key: value * 3 for key, value in network().state_dict().items()}
        end["7.bias"] = torch.tensor([0.0, 1.0, -1.0])
        data = (torch.randn(30, 2, 2), torch.randint(3, (30,)))
    return model, start, end, data, certify_line(model, start, end, data)


def exact_leaders(made, alpha):
    model, start, end, data, _ = made
    opened = open_certified_line(model, start, end, data, "linear", buffers="refuse")
    return [leader(exact_logits(opened.line, x, alpha)) for x in opened.inputs]


def test_errors_and_intervals_are_those_of_whole_numbers(made):
    data, found = made[3], made[4]
    rng = np.random.default_rng(0)
    alphas = np.r_[
        0.0, 1.0, rng.uniform(size=12), found.cells.start[rng.integers(0, len(found.cells.start), 6)]
    ]
    lower, upper = found.error_bounds(alphas)
    assert (upper - lower).max() < 0.1
    for alpha, low, high in zip(alphas, lower, upper, strict=True):
        leaders = exact_leaders(made, Fraction(alpha))
        error = sum(one != label for one, label in zip(leaders, data[1].tolist(), strict=True)) / 30
        assert low <= error <= high
        for sample, one in enumerate(leaders):
            here = [c for a, b, c in found.class_intervals(sample) if a <= alpha <= b]
            assert all(c is None or c == one for c in here)
    assert found.undecided.max() < 1e-4


def test_the_plateau_is_one_of_whole_numbers_and_ends_where_it_says(made):
    found = made[4].plateau
    assert found is not None
    assert found.label == 1
    assert made[4].no_plateau is False
    for alpha in (found.start, found.end, (found.start + found.end) / 2):
        assert set(exact_leaders(made, Fraction(alpha))) == {1}
    assert set(exact_leaders(made, Fraction(found.end + 1e-5))) != {1}
    assert found.end - found.start <= made[4].longest_possible_plateau <= found.end - found.start + 1e-4


def test_no_plateau_is_proved_where_a_sample_is_never_on_the_class(made):
    model, _, end, data, _ = made
    away = dict(end, **{"7.weight": 0 * end["7.weight"]})
    off = dict(away, **{"7.bias": torch.tensor([0.0, 1.0, -1.0])})
    begun = dict(off, **{"7.bias": torch.tensor([1.0, -3.0, 0.0])})
    # The bias alone decides: class 1 leads after alpha = 4/5 for all samples.
    found = certify_line(model, begun, off, data)
    assert found.plateau.start == pytest.approx(0.8, abs=1e-6)
    assert found.plateau.end == 1.0
    # Two samples that are never on class 1 together, by their own input.
    assert certify_line(model, begun, dict(begun), data).plateau.label == 0
    chain = nn.Sequential(nn.Linear(1, 2))
    ends = {"0.weight": torch.tensor([[1.0], [-1.0]]), "0.bias": torch.tensor([0.5, 0.0])}
    split = certify_line(chain, ends, ends, (torch.tensor([[3.0], [-3.0]]), torch.tensor([0, 1])))
    assert split.plateau is None
    assert split.no_plateau is True
    assert split.error_monotone is True
    assert split.error_bounds(0.5) == (0.0, 0.0)


def test_ties_of_the_bias_and_none_leave_no_label(made):
    chain = nn.Sequential(nn.Linear(1, 2, bias=False))
    ends = {"0.weight": torch.ones(2, 1)}
    found = certify_line(chain, ends, ends, (torch.ones(1, 1), torch.zeros(1).long()))
    assert found.label is found.plateau is found.no_plateau is found.longest_possible_plateau is None
    assert found.undecided[0] == 1.0  # equal logits: a tie everywhere, and an error, which is not proved
    lower, upper = found.error_bounds([0.5])
    assert (lower[0], upper[0]) == (0.0, 1.0)


def test_a_rising_error_is_proved():
    chain = nn.Sequential(nn.Linear(1, 2))
    start = {"0.weight": torch.tensor([[1.0], [0.0]]), "0.bias": torch.zeros(2)}
    end = {"0.weight": torch.tensor([[-1.0], [0.0]]), "0.bias": torch.zeros(2)}
    found = certify_line(chain, start, end, (torch.ones(1, 1), torch.zeros(1).long()))
    assert found.error_monotone is False


def test_paths_are_those_of_the_curves(made):
    model, start, end, data, _ = made
    found = certify_line(model, start, end, data, path="last_bias", tolerance=2.0**-12)
    with torch.no_grad():
        moved = dict(end, **{"7.bias": 0.5 * (start["7.bias"] + end["7.bias"])})
        predicted = torch.func.functional_call(model, moved, (data[0],)).argmax(1)
    error = float((predicted != data[1]).double().mean())
    lower, upper = found.error_bounds(0.5)
    assert lower <= error <= upper
    for path, message in (
        ("homogeneous", "power of alpha"),
        (lambda _, a: a, "callable"),
        ("x", "unknown path"),
    ):
        with pytest.raises(ValueError, match=message):
            certify_line(model, start, end, data, path=path)


def test_json_gives_it_back(made):
    found = made[4]
    again = CertifiedLine.from_json(found.to_json())
    assert again.to_json() == found.to_json()
    assert again.plateau == found.plateau
    assert repr(again) == repr(found)
    assert len(repr(found)) < 200
    moved = found.to_json().replace('"edges":[0.0', '"edges":[0.1', 1)
    for damage in ("{}", "[1]", "nothing", sealed(json.loads(moved))):
        with pytest.raises(ValueError, match="no certificate"):
            CertifiedLine.from_json(damage)


def test_a_class_that_was_changed_in_the_file_is_found_and_nothing_goes_on_from_it(made, tmp_path):
    model, start, end, data, _ = made
    output = tmp_path / "line.json"
    certify_line(model, start, end, data, tolerance=2.0**-8, output=output)
    kept = json.loads(output.read_text())
    classes = kept["samples"][0]["classes"]
    place = next(i for i, one in enumerate(classes) if one >= 0)
    classes[place] = (classes[place] + 1) % 3  # in order, and false
    output.write_text(json.dumps(kept))
    with pytest.raises(ValueError, match="its digest is another"):
        CertifiedLine.from_json(output.read_text())
    with pytest.raises(ValueError, match=r"line\.json: .*its digest is another"):
        certify_line(model, start, end, data, tolerance=2.0**-8, output=output)
    # Of an earlier version: read, and proved again by `verify`, but no search goes on from it.
    del kept["digest"]
    output.write_text(json.dumps(kept))
    assert len(CertifiedLine.from_json(output.read_text()).verify(model, start, end, data).unproved)
    with pytest.raises(ValueError, match="has no digest"):
        certify_line(model, start, end, data, tolerance=2.0**-8, output=output)


def test_a_certificate_is_proved_again_and_a_false_one_is_not(made):
    model, start, end, data, found = made
    again = found.verify(model, start, end, data)
    assert again.cells == len(found.cells.sample)
    assert not len(again.unproved)
    rng = np.random.default_rng(0)
    for cell in rng.choice(np.flatnonzero(found.cells.winner >= 0), 6, replace=False):
        winner, candidates = found.cells.winner.copy(), found.cells.candidates.copy()
        winner[cell] = (winner[cell] + 1) % 3
        candidates[cell] = np.arange(3) == winner[cell]
        false = replace(found, cells=replace(found.cells, winner=winner, candidates=candidates))
        assert cell in false.verify(model, start, end, data).unproved
    # An undecided cell given to one of its candidates: the class changes inside.
    cell = int(np.flatnonzero((found.cells.winner < 0) & (found.cells.start > 0))[0])
    winner = found.cells.winner.copy()
    winner[cell] = np.flatnonzero(found.cells.candidates[cell])[0]
    assert cell in replace(found, cells=replace(found.cells, winner=winner)).verify(*made[:4]).unproved


def test_verify_refuses_another_network_or_data(made):
    model, start, end, data, found = made
    with pytest.raises(ValueError, match="another network"):
        found.verify(model, end, start, data)
    with pytest.raises(ValueError, match="other data"):
        found.verify(model, start, end, (data[0] + 1, data[1]))


def test_an_interrupted_one_goes_on(made, tmp_path, monkeypatch):
    model, start, end, data, found = made
    monkeypatch.setattr("simulations.certified_line.growing.GROUP", 7)
    output = tmp_path / "certificate.json"

    def stop(done, n):
        assert n == 30
        if done >= 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        certify_line(model, start, end, data, output=output, progress=stop)
    assert len(json.loads(output.read_text())["samples"]) == 14
    with pytest.raises(ValueError, match="unfinished, cells of 14 of 30"):
        CertifiedLine.from_json(output.read_text())
    seen = []
    again = certify_line(model, start, end, data, output=output, progress=lambda done, _: seen.append(done))
    assert seen == [21, 28, 30]
    np.testing.assert_array_equal(again.cells.start, found.cells.start)
    assert CertifiedLine.from_json(output.read_text()).plateau == found.plateau
    with pytest.raises(ValueError, match="another certificate"):
        certify_line(model, start, end, data, output=output, tolerance=2.0**-10)
    output.write_text("{")
    with pytest.raises(ValueError, match=r"certificate\.json: this is no certificate"):
        certify_line(model, start, end, data, output=output)


def test_an_exact_one_knows_every_change(made):
    model, start, end, data, coarse = made
    found = certify_line(model, start, end, data, exact=True, tolerance=2.0**-8)
    assert coarse.class_changes is None
    assert found.undecided.max() < 1e-14
    # The fine search without exactness sees the same changes, each inside one of its undecided stretches.
    seen = [sum(c is None for _, _, c in coarse.class_intervals(i)) for i in range(30)]
    np.testing.assert_array_equal(found.class_changes, seen)
    assert found.class_changes.sum() > 5
    plateau = found.plateau
    assert plateau.label == 1
    for (low, high), rough in ((plateau.start_enclosure, coarse.plateau.start_enclosure),
                               (plateau.end_enclosure, coarse.plateau.end_enclosure)):  # fmt: skip
        assert 0 <= high - low < 1e-15
        assert rough[0] <= low <= high <= rough[1]
    assert set(exact_leaders(made, Fraction(plateau.end_enclosure[0]))) == {1}
    assert set(exact_leaders(made, Fraction(plateau.end_enclosure[1]))) != {1}
    again = found.verify(model, start, end, data)
    assert not len(again.unproved)
    assert CertifiedLine.from_json(found.to_json()).to_json() == found.to_json()
    one = next(one for one in found.settled if one.changes)
    false = replace(one, leaders=((one.leaders[0] + 1) % 3,))
    settled = tuple(false if other is one else other for other in found.settled)
    assert len(replace(found, settled=settled).verify(model, start, end, data).unproved)


def test_an_exact_error_that_never_rises_is_proved():
    # Class 1 leads up to the tie, then class 0: wrong becomes right, at one alpha.
    chain = nn.Sequential(nn.Linear(1, 2))
    start = {"0.weight": torch.tensor([[-1.0], [0.0]]), "0.bias": torch.zeros(2)}
    end = {"0.weight": torch.tensor([[1.0], [0.0]]), "0.bias": torch.zeros(2)}
    for label, monotone in ((0, True), (1, False)):
        found = certify_line(chain, start, end, (torch.ones(1, 1), torch.tensor([label])), exact=True)
        assert found.error_monotone is monotone
        assert found.class_changes.tolist() == [1]
    # Equal logits on all of the line: never right.
    found = certify_line(
        chain,
        dict(start, **{"0.weight": torch.zeros(2, 1)}),
        dict(start, **{"0.weight": torch.zeros(2, 1)}),
        (torch.ones(1, 1), torch.tensor([0])),
        exact=True,
    )
    assert found.error_monotone is True
    assert found.class_changes.tolist() == [0]


def test_an_exact_file_goes_on_from_cells_and_refuses_to_be_less(made, tmp_path):
    model, start, end, data, _ = made
    output = tmp_path / "line.json"
    certify_line(model, start, end, data, tolerance=2.0**-8, output=output)
    found = certify_line(model, start, end, data, tolerance=2.0**-8, output=output, exact=True)
    assert CertifiedLine.from_json(output.read_text()).class_changes.tolist() == found.class_changes.tolist()
    kept = json.loads(output.read_text())
    half = dict(
        kept, settled={"samples": 10, "stretches": [s for s in kept["settled"]["stretches"] if s[0] < 10]}
    )
    output.write_text(sealed(half))
    with pytest.raises(ValueError, match="settled of 10 of 30 samples"):
        CertifiedLine.from_json(output.read_text())
    certify_line(model, start, end, data, tolerance=2.0**-8, output=output, exact=True)
    assert json.loads(output.read_text()) == kept
    with pytest.raises(ValueError, match="more than is asked for, settled"):
        certify_line(model, start, end, data, tolerance=2.0**-8, output=output)
    for damage in (
        kept["settled"]["stretches"][1:],
        [[*kept["settled"]["stretches"][0][:4], [[0.0, 2.0, [0], [0], [0]]]]],
    ):
        output.write_text(sealed(dict(kept, settled={"samples": 30, "stretches": damage})))
        with pytest.raises(ValueError, match="a damaged one"):
            CertifiedLine.from_json(output.read_text())


def test_the_loss_lies_between_its_bounds(made, tmp_path):
    model, start, end, data, _ = made
    output = tmp_path / "line.json"
    found = certify_line(model, start, end, data, loss=True, tolerance=2.0**-8, output=output).loss
    alphas = np.r_[0.0, 1.0, 0.5, np.random.default_rng(0).uniform(size=20)]
    lower, upper = found.bounds(alphas)
    assert (upper - lower).max() < 0.05
    for alpha, low, high in zip(alphas, lower, upper, strict=True):
        state = {key: (1 - alpha) * start[key].double() + alpha * end[key].double() for key in start}
        with torch.no_grad():
            logits = torch.func.functional_call(model, state, (data[0].double(),))
            mean = float(nn.functional.cross_entropy(logits, data[1]))
        assert low - 1e-12 <= mean <= high + 1e-12
    assert found.start[0] <= found.start[1] < found.start[0] + 1e-6
    assert found.lower.max() > found.start[1]
    assert found.rises() is True
    least, most = found.largest_rise
    assert (found.rises(most), found.rises((least + most) / 2), found.rises(least / 2)) == (False, None, True)
    again = CertifiedLine.from_json(output.read_text())
    np.testing.assert_array_equal(again.loss.upper, found.upper)
    assert repr(again.loss) == repr(found)
    for bad in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="margin must be at least 0"):
            found.rises(bad)
    with pytest.raises(ValueError, match=r"alphas must lie in \[0, 1\]"):
        found.bounds(1.5)
    with pytest.raises(ValueError, match="more than is asked for, loss"):
        certify_line(model, start, end, data, tolerance=2.0**-8, output=output)
    kept = json.loads(output.read_text())
    for damage in ({"lower": [0.0]}, {"upper": [-1.0] * 1024}):
        with pytest.raises(ValueError, match="a damaged one"):
            CertifiedLine.from_json(sealed(dict(kept, loss=kept["loss"] | damage)))


def test_the_cost_is_foretold(made):
    assert 0 < seconds_expected(*made[:4]) < 60
    assert 0 < seconds_expected(*made[:4], exact=True, loss=True, tolerance=2.0**-8) < 600


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.factor = nn.Parameter(torch.ones(4))

    def forward(self, x):
        return self.layer(x) * self.factor


def hooked():
    model = nn.Sequential(nn.Linear(4, 3))
    model[0].register_forward_hook(lambda *_: None)
    return model


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 3)), r"1 \(GELU\) cannot be certified"),
        (nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)), r"1 \(LayerNorm\) cannot be certified"),
        (nn.Sequential(nn.Linear(4, 4), nn.Dropout()), "Dropout in training mode"),
        (nn.Sequential(nn.Flatten(0), nn.Linear(4, 3)), r"0 \(Flatten\) cannot be certified"),
        (nn.Sequential(nn.ReLU()), "no Linear layer"),
        (Scaled(), "the tensor factor"),
        (hooked(), "has forward hooks"),
    ],
)
def test_what_cannot_be_certified_is_refused_by_name(model, message):
    data = (torch.ones(2, 4), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=message) as error:
        certify_line(model, model.state_dict(), model.state_dict(), data)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (torch.tensor([[1.0] * 4, [float("nan")] * 4]), [0, 1], "sample 1 holds a value that is not finite"),
        (torch.full((2, 4), 2**53), [0, 1], r"below 2\^53"),
        (torch.full((2, 4), 1e16), [0, 1], "at most 1e[+]15"),
        (torch.ones(2, 4), [0, 3], "below the 3 logits, but one is 3"),
        (torch.ones(2, 5), [0, 1], r"takes \(4,\) a sample and gets \(5,\)"),
        (torch.ones(2, 2, 4), [0, 1], "flatten before it"),
    ],
)
def test_bad_data_is_one_line(inputs, labels, message):
    model = nn.Sequential(nn.Linear(4, 3))
    state = model.state_dict()
    with pytest.raises(ValueError, match=message):
        certify_line(model, state, state, (inputs, torch.tensor(labels)))
    with pytest.raises(ValueError, match="tolerance must lie"):
        certify_line(model, state, state, (torch.ones(1, 4), torch.tensor([0])), tolerance=0.0)


def test_relu_on_the_input_dropout_and_flatten_methods():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, x):
            return torch.relu(self.layer(x.flatten(1).relu()))

    model = Plain()
    data = (torch.randn(6, 2, 2, generator=torch.Generator().manual_seed(0)), torch.zeros(6).long())
    found = certify_line(model, model.state_dict(), model.state_dict(), data)
    with torch.no_grad():
        logits = model(data[0]).double()
    for sample, row in enumerate(logits):
        ((_, _, winner),) = found.class_intervals(sample)
        assert winner in (None, int(row.argmax()))
        assert winner is not None or float(row.max()) == 0.0
