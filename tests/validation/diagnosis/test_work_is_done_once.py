"""A diagnosis checks and hashes each state once, digests the data once, builds one signal line: counted."""

import pytest
import torch

from simulations.models import checkpoints
from simulations.networks import fcn
from simulations.user_data.batch import Batch
from validation.diagnosis import signal_part
from validation.diagnosis.accounts import diagnose


def print_of(state):
    """Tells states apart, by a route that shares nothing with their hash."""
    return tuple(
        (name, tensor.double().sum().item(), float(tensor.double().square().sum()))
        for name, tensor in state.items()
    )


@pytest.fixture
def work(monkeypatch):
    """What was checked, hashed, digested and built."""
    done = {"checked": [], "hashed": [], "digested": 0, "lines": 0}
    without_prefix, hash_of, add_to, line = (
        checkpoints.without_prefix,
        checkpoints._hash,
        Batch.add_to,
        signal_part.SignalLine,
    )

    def check(name, state, *rest):
        done["checked"].append(print_of(state))
        return without_prefix(name, state, *rest)

    def hashed(state):
        done["hashed"].append(print_of(state))
        return hash_of(state)

    def digested(batch, digest):
        done["digested"] += len(batch)
        return add_to(batch, digest)

    def built(*arguments, **options):
        done["lines"] += 1
        return line(*arguments, **options)

    monkeypatch.setattr(checkpoints, "without_prefix", check)
    monkeypatch.setattr(checkpoints, "_hash", hashed)
    monkeypatch.setattr(Batch, "add_to", digested)
    monkeypatch.setattr(signal_part, "SignalLine", built)
    return done


def test_each_state_is_checked_and_hashed_once_and_the_data_are_digested_once(work):
    model = fcn(3, 8, 6, 3, bias="all", seed=0)
    generator = torch.Generator().manual_seed(0)
    start, end = (
        {name: t + size * torch.randn(t.shape, generator=generator) for name, t in model.state_dict().items()}
        for size in (0.1, 0.5)
    )
    data = torch.randn(40, 6, generator=generator), torch.arange(40) % 3
    found = diagnose(model, start, end, data, alphas=11)
    assert len(found.curves.counterfactual) == 5  # two further ends, but for alpha^r; of the zero start one
    states = 2 + 2 + 2 + 1
    assert len(work["checked"]) == len(set(work["checked"])) == states
    assert len(work["hashed"]) == len(set(work["hashed"])) == states
    assert work["digested"] == 40
    assert work["lines"] == 1


def test_the_same_numbers_come_of_states_that_are_checked_again(work):
    """What is known of a state is its own: a copy is checked and hashed anew, with the same result."""
    model = fcn(2, 8, 6, 3, seed=0)
    known = checkpoints.known_checkpoint("end", model, model)
    other = fcn(2, 8, 6, 3, seed=1)
    assert checkpoints.load_checkpoint("end", known, model) is known
    assert checkpoints.load_checkpoint("end", known, other) is not known  # of another model
    assert checkpoints.load_checkpoint("end", dict(known), model) is not known
    assert checkpoints.checkpoint_hash(known) == checkpoints.checkpoint_hash(dict(known))
    assert checkpoints.checkpoint_hash(known) != checkpoints.checkpoint_hash(other.state_dict())
    assert len(work["hashed"]) == 3
