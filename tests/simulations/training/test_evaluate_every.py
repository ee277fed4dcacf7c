"""Training that evaluates all samples only where the target may be near: the same steps, less measured."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simulations.datasets.image_dataset import load
from simulations.specs.training_arguments import TrainingArguments
from simulations.training import resume_file
from simulations.training.history import TrainingHistory
from simulations.training.single import train
from tests.simulations.training.helpers.trainings import call_of, network, same

TARGET, EPOCHS = 0.6, 60


@pytest.fixture(scope="module")
def digits():
    return load("digits", limit=100)


def trained(kind, data, **changes):
    model, arguments = call_of(kind, **({"max_epochs": EPOCHS, "target_loss": TARGET} | changes))
    return train(model, data, **arguments)


@pytest.fixture(scope="module")
def each_epoch(digits):
    """The same runs, evaluated after each epoch, and on without a target."""
    kinds = ("momentum", "dropout", "batch norm")
    return {
        kind: (trained(kind, digits), trained(kind, digits, target_loss=None, max_epochs=EPOCHS))
        for kind in kinds
    }


@pytest.mark.parametrize("every", [1, 3, 7, 100])
@pytest.mark.parametrize("kind", ["momentum", "dropout", "batch norm"])
def test_it_stops_at_the_same_epoch_or_a_few_later_and_takes_the_same_steps(digits, each_epoch, kind, every):
    first, endless = each_epoch[kind]
    found = trained(kind, digits, evaluate_every=every)
    epochs = found.history["epoch"].values
    reached = int(first.history["epoch"][-1])
    assert found.status == first.status == "reached"
    assert reached <= epochs[-1] < reached + every
    assert np.diff(epochs).max() <= every
    # The epochs that it evaluated are those of a run that evaluates each of them, bit for bit.
    of_all = endless.history.isel(epoch=epochs)
    for name in found.history.data_vars:
        assert np.array_equal(found.history[name], of_all[name]), name
    stopped = trained(kind, digits, target_loss=None, max_epochs=int(epochs[-1]))
    assert same(found.end, stopped.end)


def test_it_evaluates_less_often_and_says_so(digits):
    first = trained("momentum", digits, target_loss=0.05)
    found = trained("momentum", digits, target_loss=0.05, evaluate_every=5)
    assert found.history.sizes["epoch"] < first.history.sizes["epoch"] / 2
    assert found.history.attrs["evaluate_every"] == 5
    assert "evaluate_every" not in first.history.attrs  # files written before are made again bit for bit


def test_without_a_target_the_last_epoch_is_evaluated(digits):
    found = trained("momentum", digits, target_loss=None, max_epochs=8, evaluate_every=3)
    assert found.history["epoch"].values.tolist() == [0, 3, 6, 8]
    assert found.history["steps"].values.tolist() == [0, 12, 24, 32]
    assert found.status == "reached"


def test_a_run_that_diverges_keeps_its_last_evaluated_state(digits):
    arguments = {"learning_rate": 1e4, "target_loss": 0.01, "max_epochs": 50, "seed": 0, "batch_size": 32}
    each = train(network(depth=6), digits, **arguments)
    found = train(network(depth=6), digits, **arguments, evaluate_every=100)
    assert found.status == each.status == "diverged"
    assert found.history["epoch"].values.tolist() == [0]
    assert same(found.end, found.start)


@pytest.mark.parametrize("every", [3, 4])
def test_it_goes_on_bit_for_bit_after_a_kill(digits, tmp_path, monkeypatch, every):
    monkeypatch.setattr(resume_file, "DURATIONS_BETWEEN_WRITES", 0)
    whole = trained(
        "all at once", digits, label_smoothing=0.0, target_loss=None, max_epochs=20, evaluate_every=every
    )

    class StoppedError(Exception):
        pass

    def stop(now):
        if now.epoch >= 2 * every:
            raise StoppedError

    with pytest.raises(StoppedError):
        trained(
            "all at once",
            digits,
            label_smoothing=0.0,
            target_loss=None,
            max_epochs=20,
            evaluate_every=every,
            checkpoint=tmp_path / "c",
            progress=stop,
        )
    torch.rand(7)
    again = trained(
        "all at once",
        digits,
        label_smoothing=0.0,
        target_loss=None,
        max_epochs=20,
        evaluate_every=every,
        checkpoint=tmp_path / "c",
    )
    assert again.steps_taken < whole.steps_taken
    assert same(again.end, whole.end)
    assert again.history.identical(whole.history)


def test_a_history_without_epochs_is_one_of_every_epoch():
    tensors = {
        "loss": torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64),
        "error": torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64),
        "class_accuracy": torch.zeros(3, 2, dtype=torch.float64),
        "steps": torch.tensor([0, 4, 8]),
    }
    history = TrainingHistory.from_tensors(tensors)
    assert history.epochs == 2
    assert history.dataset()["epoch"].values.tolist() == [0, 1, 2]


@given(
    every=st.integers(1, 50),
    since=st.integers(1, 100),
    epochs=st.integers(1, 200),
    loss=st.floats(0, 10),
    target=st.none() | st.floats(1e-3, 1),
)
def test_all_samples_are_evaluated_where_the_rule_says(every, since, epochs, loss, target):
    arguments = TrainingArguments(learning_rate=0.1, max_epochs=150, target_loss=target, evaluate_every=every)
    due = since >= every or epochs >= 150 or (target is not None and loss <= 2 * target)
    assert arguments.evaluation_is_due(epochs, since, loss) == due
    plain = TrainingArguments(learning_rate=0.1, max_epochs=150, target_loss=target)
    assert plain.evaluation_is_due(epochs, since, loss)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluate_every": 0}, "evaluate_every must be an integer >= 1, got 0"),
        ({"evaluate_every": True}, "evaluate_every must be an integer >= 1, got True"),
        (
            {"evaluate_every": 2, "label_smoothing": 0.1},
            "evaluate_every = 2 needs label_smoothing 0, got 0.1",
        ),
    ],
)
def test_bad_values_are_refused_and_shown(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainingArguments(**({"learning_rate": 0.1, "max_epochs": 5} | changes))
