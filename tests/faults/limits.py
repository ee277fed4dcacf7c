"""The command line where the disk, the memory or the user ends it: one line, exit code 1, and it goes on."""

import os
import random
import resource
import shutil
import signal
import sys

import mli.commands.application  # noqa: F401 - loaded here, so that no child has to
import simulations.sweeps.runner  # noqa: F401
from mli.__main__ import main
from simulations.runs.one_run import Store
from tests.faults.forked import run_forked
from tests.faults.kills import contents, run
from tests.faults.tally import Row

FIELDS = ("limit=20", "depth=2", "width=16", "learning_rate=0.05", "target_loss=1.5", "max_epochs=60")
FIELDS += ("alphas=3", "seed=0")


def command(*words):
    """The command line as a child calls it."""

    def call():
        sys.argv = ["mli", *map(str, words)]
        main()

    return call


def train(store):
    return command("train", *(word for field in FIELDS for word in ("--set", field)), "--store", store)


def try_limits(folder, times, seed):
    """Rows of a full disk (a limit on a file's size), of signals, and of bad words."""
    folder.mkdir(parents=True, exist_ok=True)
    run(folder / "loaded")  # here: what a command loads, each child has then
    run_forked(train(folder / "reference"))
    expected = contents(folder / "reference")
    return [
        _full_disk(folder / "full", expected, times, seed),
        _signals(folder / "signals", expected, times, seed),
        _bad_words(folder),
    ]


def _full_disk(folder, expected, times, seed):
    row, draw = Row("a full disk"), random.Random(f"disk {seed}")
    largest = max(len(content) for content in expected.values())
    for _ in range(times):
        shutil.rmtree(folder, ignore_errors=True)
        bytes_ = draw.randrange(1, largest)
        ended = run_forked(train(folder), limits=[(resource.RLIMIT_FSIZE, bytes_)])
        if _clear(row, ended, f"{bytes_} bytes", 1, str(folder)):
            _goes_on(row, folder, expected, f"{bytes_} bytes")
    return row


def _signals(folder, expected, times, seed):
    row, draw = Row("TERM, HUP and INT"), random.Random(f"signals {seed}")
    for i in range(times):
        shutil.rmtree(folder, ignore_errors=True)
        number = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)[i % 3]
        moment = draw.uniform(0.001, 0.4)
        ended = run_forked(_interrupted(train(folder), number, moment))
        where = f"{number.name} after {moment:.3f} CPU s"
        if ended.code == 0:  # it was faster
            row.note("clear")
        elif _clear(row, ended, where, 1, "interrupted"):
            _goes_on(row, folder, expected, where)
    return row


def _interrupted(work, number, moment):
    def call():
        # A timer of this process's own time: what it would get from outside at such a moment.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGVTALRM, lambda *_: os.kill(os.getpid(), number))
        signal.setitimer(signal.ITIMER_VIRTUAL, moment)
        work()

    return call


def _bad_words(folder):
    row = Row("what a user may write")
    where = ["--store", str(folder / "none")]
    bad = {
        "deep.toml": b"title = " + b"[" * 5000,
        "digits.toml": b"[fixed]\nlearning_rate = " + b"9" * 400,
        "more-digits.toml": b"[fixed]\nwidth = " + b"9" * 5000,
        "bytes.toml": b'title = "\xff"',
        "grid[0].toml": b"seeds = [0]\n[grid]\n"
        + b"".join(
            f"{key} = [{', '.join(map(str, range(1, 1001)))}]\n".encode()
            for key in ("width", "depth", "limit")
        ),
    }
    for name, content in bad.items():
        (folder / name).write_bytes(content)
        _clear(row, run_forked(command("sweep", folder / name, *where)), name, 2, name)
    common = ("--end", "end.safetensors", "--data", "digits")
    words = [
        ("sweep", "star", "--seeds", "9" * 30),
        ("sweep", "star", "--executor", "slurm", "--slurm", "logs=x"),
        ("sweep", "star", "--executor", "dask", "--scheduler", "tcp://10.0.0.1:1"),
        ("train", *(w for field in (*FIELDS[:-1], "seed=" + "9" * 400) for w in ("--set", field))),
        ("train", *(w for field in (*FIELDS, "learning_rate=" + "9" * 400) for w in ("--set", field))),
        ("train", *(w for field in (*FIELDS, "alphas=100000000") for w in ("--set", field))),
        ("curve", "--model", "..x:y", *common, "--output", str(folder / "a.csv")),
        ("curve", "--model", "x\0:y", *common, "--output", str(folder / "a.csv")),
        ("simulate", "power-model", "--seeds", "1000000000", "--output", str(folder / "power")),
        ("sweep", os.fsdecode(b"no-such-\xff.toml")),
        ("runs", "list", "--store", str(folder / "no such [red]store[/red]")),
    ]
    for one in words:
        _clear(row, run_forked(command(*one)), " ".join(one)[:120], 2, "")
    return row


def _clear(row, ended, where, code, named):
    """Notes what is not one line with that code, and what is with code 2; True where the work may go on."""
    if ended.hung:
        row.note("hangs", where)
    elif ended.traceback:
        row.note("tracebacks", f"{where}: {ended.err[-600:]}")
    elif ended.code != code or not ended.said_in_one_line or named not in ended.err or "leaked" in ended.err:
        row.note("wrong", f"{where}: exit code {ended.code}, signal {ended.signal}: {ended.err[-400:]}")
    elif code == 2:
        row.note("clear")
    else:
        return True
    return False


def _goes_on(row, folder, expected, where):
    again = run_forked(train(folder))
    if again.code != 0:
        row.note("lost", f"{where}: then {again.err[-400:]}")
    elif contents(folder) != expected:
        row.note("wrong", f"{where}: another store")
    else:
        row.note("clear")


def one_store(folder):
    """A store with one run, for the fuzzers."""
    run_forked(train(folder))
    return Store(folder)
