"""A training that was killed goes on from its checkpoint and ends as if it had not been."""

import errno
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from simulations.datasets.image_dataset import load
from simulations.training import resume_file
from simulations.training.resume_file import TrainingCheckpoint
from simulations.training.single import train
from tests.helpers.paths import ROOT
from tests.simulations.training.helpers.trainings import KINDS, call_of, network, same

STEPS = 20  # of a whole run of `call_of`: five epochs of four


@pytest.fixture(scope="module")
def digits():
    return load("digits", limit=100)


@pytest.fixture(scope="module")
def whole(digits):
    """Each kind of run, never interrupted and without a checkpoint."""
    return {kind: train(call_of(kind)[0], digits, **call_of(kind)[1]) for kind in KINDS}


@pytest.fixture
def each_epoch(monkeypatch):
    """State is written after every epoch, however fast."""
    monkeypatch.setattr(resume_file, "DURATIONS_BETWEEN_WRITES", 0)


class StoppedError(Exception):
    pass


def stop_after(epoch):
    def stop(now):
        if now.epoch == epoch:
            raise StoppedError

    return stop


def interrupted(kind, data, path, epoch):
    model, arguments = call_of(kind)
    with pytest.raises(StoppedError):
        train(model, data, **arguments, checkpoint=path, progress=stop_after(epoch))


def go_on(kind, data, path, **changes):
    model, arguments = call_of(kind, **changes)
    return train(model, data, **arguments, checkpoint=path)


def agree(result, whole):
    return (
        same(result.end, whole.end)
        and same(result.start, whole.start)
        and same(dict(result.model.state_dict()), whole.end)
        and result.history.identical(whole.history)
        and result.status == whole.status
    )


@pytest.mark.parametrize("epoch", [1, 2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_it_goes_on_bit_for_bit_after_any_epoch(digits, whole, each_epoch, tmp_path, kind, epoch):
    path = tmp_path / "state.safetensors"
    interrupted(kind, digits, path, epoch)
    torch.rand(7)  # the global generator plays no part
    result = go_on(kind, digits, path)
    assert agree(result, whole[kind])
    assert result.steps_taken == STEPS - 4 * epoch
    assert whole[kind].steps_taken == STEPS


def test_it_can_be_interrupted_again_and_again(digits, whole, each_epoch, tmp_path):
    path = tmp_path / "state.safetensors"
    for epoch in (1, 2, 3, 4):
        interrupted("all at once", digits, path, epoch)
    assert agree(go_on("all at once", digits, path), whole["all at once"])


# Forks: one import of torch serves all kinds. Every child is killed at its marker, a byte in a pipe.
DRIVER = """
import os, signal, sys
from pathlib import Path
from simulations.training import resume_file
from simulations.datasets.image_dataset import load
from simulations.training.single import train
from tests.simulations.training.helpers.trainings import KINDS, call_of

resume_file.DURATIONS_BETWEEN_WRITES = 0
data = load("digits", limit=100)
reader, writer = os.pipe()

def killed_here(*_):
    os.write(writer, b".")
    signal.pause()

def after_three_epochs(now):
    if now.epoch == 3:
        killed_here()

def in_mid_epoch(model):
    steps = iter(range(1000))
    def count(module, inputs):
        if module.training and next(steps) == 9:  # the second step of the third epoch
            killed_here()
    model.register_forward_pre_hook(count)

def in_mid_write():
    rename, times = Path.replace, iter(range(1000))
    def stop(self, target):
        if next(times) == 3:  # the fourth epoch's state lies under its temporary name
            killed_here()
        return rename(self, target)
    Path.replace = stop

model, arguments = call_of("adam", max_epochs=1)
train(model, data, **arguments)  # what torch imports at a first step, every child would import again
for place in sys.argv[2:]:
    for kind in KINDS:
        child = os.fork()
        if not child:
            model, arguments = call_of(kind)
            if place == "mid-epoch":
                in_mid_epoch(model)
            if place == "mid-write":
                in_mid_write()
            path = Path(sys.argv[1]) / f"{kind} {place}"
            progress = after_three_epochs if place == "epoch" else None
            try:
                train(model, data, **arguments, checkpoint=path, progress=progress)
            finally:
                os.write(writer, b"x")
                os._exit(1)
        assert os.read(reader, 1) == b".", f"{kind} never came to its marker"
        os.kill(child, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
"""
DONE = {"epoch": 3, "mid-epoch": 2, "mid-write": 3}  # epochs whose state lies under its own name


def test_a_killed_training_goes_on_bit_for_bit_with_fewer_steps(digits, whole, tmp_path):
    subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path), *DONE],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        timeout=600,  # a guard against a hang, no measure of speed
    )
    # Every writer removes what dead ones left in the folder: what the last one left is there.
    (leftover,) = tmp_path.glob(".*")
    assert "mid-write" in leftover.name
    for place, epochs in DONE.items():
        for kind in KINDS:
            result = go_on(kind, digits, tmp_path / f"{kind} {place}")
            assert agree(result, whole[kind]), (kind, place)
            assert result.steps_taken == STEPS - 4 * epochs
    assert not list(tmp_path.glob(".*"))  # the killed writers' too


def test_an_ended_run_takes_no_step(digits, whole, tmp_path):
    path = tmp_path / "state.safetensors"
    first, again = (go_on("all at once", digits, path) for _ in range(2))
    assert agree(first, whole["all at once"])
    assert agree(again, whole["all at once"])
    assert (first.steps_taken, again.steps_taken) == (STEPS, 0)
    assert len({tensor.data_ptr() for state in (again.start, again.end) for tensor in state.values()}) == len(
        again.start
    ) + len(again.end)


def test_the_checkpoint_of_a_diverged_run_holds_its_last_finite_state(digits, tmp_path):
    path = tmp_path / "state.safetensors"
    arguments = {"learning_rate": 1e4, "target_loss": 0.01, "max_epochs": 50, "seed": 0, "batch_size": 32}
    first, again = (train(network(depth=6), digits, **arguments, checkpoint=path) for _ in range(2))
    assert first.status == again.status == "diverged"
    assert same(first.end, again.end)
    assert first.history.identical(again.history)
    assert again.steps_taken == 0
    assert all(bool(torch.isfinite(tensor).all()) for tensor in load_file(path).values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 0.1}, r"learning_rate is 0\.05 there, 0\.1 here"),
        ({"seed": 1}, "seed is 0 there, 1 here"),
        ({"max_epochs": 9}, "max_epochs is 5 there, 9 here"),
        ({"clip_norm": 1.0}, r"clip_norm is None there, 1\.0 here"),
        ({"target_loss": 0.1}, r"target_loss is None there, 0\.1 here"),
    ],
)
def test_a_checkpoint_of_other_arguments_is_refused_and_kept(digits, tmp_path, changes, message):
    path = tmp_path / "state.safetensors"
    interrupted("momentum", digits, path, 1)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"belongs to another call: {message}"):
        go_on("momentum", digits, path, **changes)
    assert path.read_bytes() == before


def test_a_checkpoint_of_other_data_or_another_model_is_refused_and_kept(digits, tmp_path):
    path = tmp_path / "state.safetensors"
    interrupted("dropout", digits, path, 1)
    before = path.read_bytes()

    def refused(message, model, data):
        with pytest.raises(ValueError, match=f"belongs to another call: {message} is"):
            train(model, data, **call_of("dropout")[1], checkpoint=path)
        assert path.read_bytes() == before

    refused("data", call_of("dropout")[0], load("digits", limit=90))
    other = call_of("dropout")[0]
    other[3].p = 0.4  # no number of its state dict
    refused("model", other, digits)
    other = call_of("dropout")[0]
    other[1].weight.requires_grad_(False)
    refused("model", other, digits)
    other = call_of("dropout")[0]
    with torch.no_grad():
        other[1].weight[0, 0] += 1
    refused("start", other, digits)


def test_a_checkpoint_of_another_setting_is_ignored_with_a_warning(digits, whole, tmp_path, monkeypatch):
    path = tmp_path / "state.safetensors"
    interrupted("momentum", digits, path, 1)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: 3)
        with pytest.warns(RuntimeWarning, match="threads is 1 there, 3 here"):
            assert go_on("momentum", digits, path).steps_taken == STEPS
    interrupted_at = path.read_bytes()
    with pytest.warns(RuntimeWarning, match="threads is 3 there, 1 here"):
        assert agree(go_on("momentum", digits, path), whole["momentum"])
    assert path.read_bytes() != interrupted_at
    monkeypatch.setattr(resume_file, "FORMAT", resume_file.FORMAT + 1)
    with pytest.warns(RuntimeWarning, match="its format is 1, this version's is 2"):
        assert agree(go_on("momentum", digits, path), whole["momentum"])


@pytest.mark.parametrize("damage", ["empty", "zeros", "short", "header", "half", "last", "bit", "name"])
def test_a_damaged_checkpoint_is_made_again_with_a_warning(digits, whole, tmp_path, damage):
    path = tmp_path / "state.safetensors"
    interrupted("momentum", digits, path, 1)
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        {
            "empty": b"",
            "zeros": bytes(len(content)),
            "short": content[:5],
            "header": content[:100],
            "half": content[:middle],
            "last": content[:-1],
            "bit": content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
            "name": content.replace(b"sgd", b"SGD", 1),
        }[damage]
    )
    assert path.read_bytes() != content
    with pytest.warns(RuntimeWarning, match="damaged"):
        result = go_on("momentum", digits, path)
    assert agree(result, whole["momentum"])
    assert result.steps_taken == STEPS
    assert go_on("momentum", digits, path).steps_taken == 0  # the file is whole again


def test_no_other_file_is_written_over(digits, tmp_path):
    weights, text = tmp_path / "weights.safetensors", tmp_path / "notes.txt"
    save_file(network().state_dict(), weights)
    text.write_text("Do not lose this.")
    for path in (weights, text):
        before = path.read_bytes()
        with pytest.raises(ValueError, match=f"{path.name} is not a training checkpoint"):
            go_on("momentum", digits, path)
        assert path.read_bytes() == before


def test_a_folder_that_is_not_there_or_not_writable_is_found_before_any_step(digits, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere"):
        go_on("momentum", digits, tmp_path / "nowhere" / "state")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        go_on("momentum", digits, tmp_path)

    def refuse(self):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(OSError, match=r"cannot be written \(Read-only file system\)"):
        go_on("momentum", digits, tmp_path / "state")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_costs_the_checkpoint_and_not_the_training(digits, whole, tmp_path, monkeypatch):
    def full(self, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.warns(RuntimeWarning, match=r"cannot be written: No space left on device"):
        result = go_on("momentum", digits, tmp_path / "state")
    assert agree(result, whole["momentum"])
    assert not list(tmp_path.iterdir())


def test_writing_takes_a_fiftieth_of_the_time_at_most(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(resume_file.time, "monotonic", lambda: now[0])
    file, written = TrainingCheckpoint(tmp_path / "state", {}, {}), []

    def slowly(self, content):
        now[0] += 2.0
        written.append(now[0])
        with self.open("wb") as file:
            file.write(content)

    monkeypatch.setattr(Path, "write_bytes", slowly)
    for _ in range(1000):
        now[0] += 1.0
        file.save({"model": {}})
    assert written[0] == 3.0  # the first is at once
    between = [later - earlier for earlier, later in pairwise(written)]
    assert between
    assert set(between) == {102.0}
    now[0] += 1.0
    file.save({"model": {}}, "reached")
    assert written[-1] == now[0]  # and so is the last
    assert file.load() == ({}, "reached")
