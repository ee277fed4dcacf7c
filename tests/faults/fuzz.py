"""Damaged and foreign files: each gives what was written, or one line; none runs anything."""

import contextlib
import json
import os
import pickle
import random
import shutil
import signal
import warnings

import numpy as np
import torch
import torch.distributed.checkpoint as dcp
from safetensors.torch import save
from torch import nn

from mli.user_checkpoints import load_end
from mli.user_network import load_data
from simulations.models.checkpoints import load_checkpoint
from simulations.runs.one_run import Store
from simulations.runs.store import CHECKPOINT
from simulations.runs.verified_files import DamagedRunError
from simulations.runtime.sealed_files import DamagedFileError, read_sealed_netcdf
from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import read_sweep
from simulations.training.resume_file import OtherCheckpointError, TrainingCheckpoint
from tests.faults.kills import cache, parts
from tests.faults.tally import Row
from tests.simulations.runs.helpers.tiny_runs import SWEEP
from validation.html_report.source import read_report, told_as_misshapen
from validation.html_report.tables import report_tables

HANGS_AFTER = 20.0  # seconds of the CPU for one file


class HungError(Exception):
    """One file took too long."""


def damaged(content, draw):
    """The content with one of eight kinds of damage."""
    size, kind = len(content), draw.randrange(8)
    at = draw.randrange(min(size, 64) if size and draw.random() < 0.3 else max(size, 1))  # often at the front
    if kind == 0 or not size:
        return content[:at]
    if kind == 1:
        return content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]
    if kind == 2:
        return content[:at] + draw.randbytes(draw.randrange(1, 17)) + content[at:]
    if kind == 3:
        return content[:at] + bytes(min(size - at, 512)) + content[at + 512 :]
    if kind == 4:
        return content[:at] + content[at + draw.randrange(1, 65) :]
    if kind == 5:
        other = draw.randrange(size)
        return content[:at] + content[other : other + 64] + content[at + 64 :]
    if kind == 6:
        return draw.randbytes(draw.randrange(200))
    digit = draw.choice([b"9" * 400, b"9" * 5000, b"-1", b"1e999", b"nan", b"[" * 3000, b"null", b'"', b"{}"])
    return content[:at] + digit + content[at + draw.randrange(1, 9) :]


@contextlib.contextmanager
def within(seconds):
    def stop(*_):
        raise HungError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def try_fuzz(folder, store, files, seed):
    """Rows of all readers; together so many files."""
    readers = _readers(folder, store)
    return [_of_one(name, *reader, max(files // len(readers), 1), seed) for name, reader in readers.items()]


def _of_one(name, path, read, allowed, times, seed):
    """`read` gives True where the result is as good as that of the whole file."""
    row, draw = Row(f"fuzzed: {name}"), random.Random(f"{name} {seed}")
    whole = path.read_bytes()
    for _ in range(times):
        content = damaged(whole, draw)
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with within(HANGS_AFTER):
                    good = read(content == whole)
            except allowed as error:
                good = bool(str(error))
            except HungError:
                row.note("hangs", repr(content[:80]))
                continue
            except Exception as error:  # noqa: BLE001 - what is looked for
                row.note("tracebacks", f"{type(error).__name__}: {str(error)[:200]}: {content[:60]!r}")
                continue
        row.note("clear" if good else "wrong", repr(content[:80]))
    path.write_bytes(whole)
    return row


def _readers(folder, store):
    folder.mkdir(parents=True, exist_ok=True)
    (name,) = store.names()
    found = {}
    for file in ("provenance.json", "spec.toml", "history.nc", "end.safetensors"):
        copy = Store(shutil.copytree(store.folder, folder / f"store-{file}"))
        whole = copy.load(name)
        found[f"a run's {file}"] = (
            copy.path(name, file),
            lambda same, copy=copy, whole=whole: _loads(copy, name, whole, same),
            DamagedRunError,
        )
    found |= _of_users(folder)
    found["sweep.toml"] = (
        _written(folder / "sweep.toml", SWEEP.encode()),
        lambda _: _is_sweep(folder),
        ValueError,
    )
    found["run.toml"] = (
        _written(folder / "run.toml", store.path(name, "spec.toml").read_bytes()),
        lambda _: isinstance(RunSpec.from_toml(folder / "run.toml"), RunSpec),
        ValueError,
    )
    cache(folder / "cache")
    parts(folder / "power-model")
    (entry,) = (folder / "cache").glob("curve-*.nc")
    part = next((folder / "power-model" / "parts").iterdir())
    for word, path in (("curve cache's entry", entry), ("power model's part", part)):
        copy = _written(folder / path.name, path.read_bytes())
        whole = read_sealed_netcdf(copy)
        found[f"a {word}"] = (
            copy,
            lambda same, copy=copy, whole=whole: read_sealed_netcdf(copy).identical(whole) and same,
            DamagedFileError,
        )
    found["training.checkpoint"] = _of_training(folder)
    report = folder / "report" / "report.json"
    report.parent.mkdir()
    claim = {
        "id": "C1",
        "title": "t",
        "verdict": "supported",
        "criteria": [{"key": "a", "by_seed": {"0": 1.0}}],
    }
    _written(report, json.dumps({"claims": [claim], "runs": [{"run": "a", "arm": "b"}]}, indent=1).encode())
    found["report.json"] = (report, lambda _: _is_report(report.parent), ValueError)
    return found


def _loads(store, name, whole, same):
    """Damage is found by both ways to look at a run."""
    problems = store.problems(name)
    if bool(problems) == same:
        return False
    if not same and "end.safetensors" in problems[0]:
        store.state(name, "end")
        return False
    return store.load(name).identical(whole) and same


def _written(path, content):
    path.write_bytes(content)
    return path


def _is_sweep(folder):
    return bool(read_sweep(folder / "sweep.toml").runs)


def _is_report(folder):
    data = read_report(folder)
    with told_as_misshapen(folder):
        return bool(report_tables(data, []))


class Bomb:
    """Unpickled, it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def _of_users(folder):
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    weights = _written(folder / "end.safetensors", save(state))
    pickled = folder / "end.pt"
    torch.save(state, pickled)
    marker = folder / "executed"
    bomb = _written(folder / "bomb.pt", pickle.dumps({"0": Bomb(marker)}, protocol=2))
    archive = folder / "data.npz"
    np.savez(archive, inputs=np.zeros((4, 2, 2), np.float32), labels=np.arange(4) % 3)

    def fits(found):
        return {key: value.shape for key, value in found.items()} == {k: v.shape for k, v in state.items()}

    def quiet_bomb(path):
        load_end(path, model, allow_pickle=True)
        return not marker.exists()

    distributed = folder / "distributed"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        dcp.save(state, checkpoint_id=distributed, no_dist=True)

    def together():
        return fits(load_end(distributed, model, allow_pickle=True))

    def unharmed(read):
        def look(_same):
            try:
                return read()
            finally:
                if marker.exists():
                    raise RuntimeError("the file's code was run")

        return look

    return {
        "a user's end.safetensors": (
            weights,
            lambda _: fits(load_checkpoint("end", weights, model)),
            (ValueError, FileNotFoundError),
        ),
        "a user's end.pt": (
            pickled,
            unharmed(lambda: fits(load_end(pickled, model, allow_pickle=True))),
            ValueError,
        ),
        "a distributed checkpoint's metadata": (distributed / ".metadata", unharmed(together), ValueError),
        "a distributed checkpoint's numbers": (
            next(distributed.glob("*.distcp")),
            unharmed(together),
            ValueError,
        ),
        "a pickle that would run code": (bomb, unharmed(lambda: quiet_bomb(bomb)), ValueError),
        "a user's data.npz": (archive, lambda _: len(load_data(str(archive))) == 2, ValueError),
    }


def _of_training(folder):
    call, setting = {"seed": 1}, {"threads": 1}
    path = folder / CHECKPOINT
    written = TrainingCheckpoint(path, call, setting)
    tensors = {"model": {"weight": torch.arange(12.0)}, "history": {"loss": torch.tensor([1.0, 0.5])}}
    written.save(tensors, "reached")

    def read(same):
        found = TrainingCheckpoint(path, call, setting).load()
        return found is None or same

    return path, read, OtherCheckpointError
