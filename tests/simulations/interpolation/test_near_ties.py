"""Lines whose samples all tie at one alpha: no wrong class without being in doubt there."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from simulations.curves.attributes import say_where_interpolation_failed
from simulations.curves.one_path import interpolation_curves
from simulations.interpolation.chebyshev import chebyshev_nodes
from simulations.interpolation.class_changes import class_states, find_changes
from simulations.interpolation.interpolant import interpolated
from simulations.interpolation.near_ties import doubts, in_doubt
from simulations.runtime.random_streams import torch_stream

ALPHAS = np.linspace(0, 1, 201)


def tied_line(seed, tie, power, n=40, k=5):
    """Logits |alpha - tie|^power c(sign): all tie at one alpha, with another order on either side."""
    stream = torch_stream(seed, "tied")
    left, right = (torch.randn(k, n, generator=stream) for _ in range(2))

    def at(alphas):
        shift = torch.from_numpy(np.asarray(alphas) - tie).float()
        return torch.where(shift < 0, shift.abs() ** power, 0.0)[:, None, None] * left + (
            torch.where(shift > 0, shift.abs() ** power, 0.0)[:, None, None] * right
        )

    return at, torch.randint(k, (n,), generator=stream)


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), tie=st.floats(0.05, 0.95), power=st.integers(2, 6))
@example(seed=0, tie=0.5, power=4)
def test_where_nearly_all_are_wrong_the_alpha_is_evaluated_as_it_is(seed, tie, power):
    at, labels = tied_line(seed, tie, power)
    nodes = chebyshev_nodes(33)
    logits = at(nodes)
    everywhere = [torch.ones(8, 40, dtype=torch.bool), torch.ones(16, 40, dtype=torch.bool)]
    exact = class_states(at(ALPHAS), labels) == labels
    found = class_states(interpolated(nodes, logits, ALPHAS), labels) == labels
    direct, _ = in_doubt(nodes, logits, labels, everywhere, ALPHAS, 0.5, allowed=1.0)
    wrong = (exact != found).sum(dim=1).numpy()
    # The tie itself, where one rounding decides, is asked for by 0.5 alone: a node.
    assert (wrong[~direct] <= 0.3 * 40).all()


def test_an_ordinary_line_has_no_alpha_to_be_evaluated_as_it_is():
    stream = torch_stream(1, "ordinary")
    start, end = (torch.randn(5, 300, generator=stream) for _ in range(2))
    nodes = chebyshev_nodes(17)
    alphas = torch.from_numpy(nodes).float()[:, None, None]
    logits = start + alphas * (end - start)
    labels = torch.arange(300) % 5
    evaluated = [torch.ones(8, 300, dtype=torch.bool)]
    direct, classes = in_doubt(nodes, logits, labels, evaluated, ALPHAS, 0.1, allowed=1.0)
    assert not direct.any()
    assert classes.max() <= 3


def test_the_ends_are_never_in_doubt():
    at, labels = tied_line(0, 0.0, 3)
    nodes = chebyshev_nodes(17)
    correct, predicted = doubts(nodes, at(nodes), labels, [torch.ones(8, 40, dtype=torch.bool)], ALPHAS, 0.5)
    for doubt in (correct, predicted):
        assert not doubt[[0, 100, 200]].any()
        assert doubt[1].float().mean() > 0.5


def test_a_tie_holds_at_its_point_alone():
    # Three classes, all logits 0 at 1/2 and those of class 0 above them on both sides.
    nodes, grid = chebyshev_nodes(9), chebyshev_nodes(65)
    logits = torch.zeros(9, 3, 1)
    logits[:, 0, 0] = torch.from_numpy((nodes - 0.5) ** 2).float()
    labels = torch.tensor([0])
    states = class_states(interpolated(nodes, logits, grid), labels)
    assert states[:, 0].tolist() == [0] * 32 + [3] + [0] * 32
    changes = find_changes(logits, nodes, labels, grid, states)
    into, out = np.argsort(changes.alpha)
    assert (changes.alpha[into], changes.after[into]) == (0.5, 3)
    assert (changes.alpha[out], changes.after[out]) == (np.nextafter(0.5, 1), 0)


@pytest.mark.parametrize("c", [-1.0, -0.37], ids=["start = -end", "start = -0.37 end"])
def test_a_line_through_a_tie_is_right_near_it_and_says_so(c):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = [nn.Linear(6, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 4)]
        model = nn.Sequential(*layers)
        inputs, labels = torch.randn(300, 6), torch.arange(300) % 4
    end = {name: 2 * t.clone() for name, t in model.state_dict().items()}
    start = {name: c * t for name, t in end.items()}
    tie = c / (c - 1)
    alphas = np.union1d(np.linspace(0, 1, 101), np.clip(np.linspace(tie - 0.02, tie + 0.02, 41), 0, 1))
    with pytest.warns(UserWarning, match=r"at \d+ of \d+ alphas, .* nearly tie"):
        found = interpolation_curves(model, start, end, (inputs, labels), alphas=alphas)
    passes = found.attrs["forward_passes"]
    assert passes < len(alphas)
    for i, alpha in enumerate(alphas):
        state = {name: t + float(alpha) * (end[name] - t) for name, t in start.items()}
        with torch.no_grad():
            z = torch.func.functional_call(model, state, (inputs,)).double()
        share = torch.bincount(z.argmax(dim=1), minlength=4).numpy() / 300
        assert np.abs(found.class_share[i] - share).max() <= found.attrs["estimated_class_share_error"]
        others = z.scatter(1, labels[:, None], -torch.inf).amax(dim=1)
        error = float((z.gather(1, labels[:, None])[:, 0] <= others).double().mean())
        assert abs(found.error[i] - error) <= found.attrs["estimated_error_error"] + 1e-9
        assert abs(found.loss[i] - float(nn.functional.cross_entropy(z, labels))) <= 1e-3


@pytest.mark.parametrize(("direct", "told"), [(10, False), (11, True)])
def test_a_tenth_of_the_alphas_evaluated_as_they_are_is_not_worth_a_warning(direct, told):
    split = SimpleNamespace(unsettled=0, direct=np.arange(99) < direct)
    engine = SimpleNamespace(alphas=np.linspace(0, 1, 101), inside=slice(1, 100))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        say_where_interpolation_failed(split, engine)
    assert [f"at {direct} of 101 alphas" in str(one.message) for one in seen] == [True] * told
