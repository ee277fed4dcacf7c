"""What a short time on a GPU gives, most wanted first: tests, an ensemble, the matmul share, paper forms.

    python -m benchmarks.gpu_session [--minutes 10] [--output FOLDER] [--device cpu --tiny]

Small files are written as it goes, so that what was done is kept if the machine is taken away: gpu_tests.txt,
matmul_share.json, ensemble.json, recorded/<experiment>/<run>.nc (`validation.job.recorded_runs`), and
session.json, which says what was done, how long it took and what did not fit. FOLDER is $OUT, or
results/gpu-session. A part that fails is written down and stops no other. A run is begun if time is left for
one as long as the longest of its experiment, and given up at the deadline; data that are not at hand (MNIST
and CIFAR-10, by $MLI_DATA) are passed over. --device cpu --tiny is the rehearsal: the same steps on sizes of
seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.train_many import members
from simulations.datasets.image_dataset import ImageDataset
from simulations.models.devices import matmul_precision
from simulations.networks import build_network
from simulations.runs.one_run import Store, make_run
from simulations.runs.spec_to_training import run_data
from simulations.runtime.atomic_files import atomic_path, writable_folder
from simulations.runtime.provenance import provenance
from simulations.runtime.random_streams import torch_stream
from simulations.specs.sweep_file import PlannedRun, Sweep, read_sweep
from simulations.specs.training_arguments import TrainingArguments
from simulations.training.epoch import run_epoch
from simulations.training.optimizers import make_optimizer
from simulations.training.samples_on_device import samples_on
from validation.job.recorded_runs import record_sweep

# Published sizes first (C7), then the plateau's causes, then the rest.
WANTED = ("practical_networks", "imposed_bias", "depth_and_bias", "hardness", "initial_scale", "star")
NETWORKS = {
    "resnet18, batch norm": ({"network": "resnet18", "batch_norm": True}, (3, 32, 32)),
    "vgg16": ({"network": "vgg16"}, (3, 32, 32)),
    "fcn, 10 layers of 512": ({"network": "fcn", "depth": 10, "width": 512}, (1, 28, 28)),
}
TESTS = "tests/simulations"
SHARE_OF_TESTS = 0.3  # of the time, at most


class OutOfTimeError(Exception):
    """The deadline has passed."""


class Session:
    """Where files go, until when, on what device, and what was done."""

    def __init__(self, folder: Path, device: torch.device, seconds: float, tiny: bool) -> None:
        self.folder, self.device, self.tiny = writable_folder(folder), device, tiny
        self.seconds, self._begun = seconds, time.monotonic()
        self.done: list[dict[str, Any]] = []

    def left(self) -> float:
        """Seconds until the deadline."""
        return self.seconds - (time.monotonic() - self._begun)

    def part(self, name: str, work: Callable[[], object]) -> None:
        """Do one part, whatever comes of it, and write down what came of it."""
        if self.left() <= 0:
            self._say(name, "did not fit", 0.0)
            return
        begun = time.monotonic()
        try:
            word = work() or "done"
        except Exception as error:  # noqa: BLE001 - of any part: the others are wanted all the same
            word = f"{type(error).__name__}: {error}"
            self.write(f"{name.replace(' ', '_')}.error.txt", traceback.format_exc())
        self._say(name, str(word), time.monotonic() - begun)

    def write(self, name: str, content: str | dict[str, Any]) -> None:
        """A file in the folder, whole or not at all."""
        text = content if isinstance(content, str) else json.dumps(content, indent=1) + "\n"
        with atomic_path(self.folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def _say(self, name: str, word: str, seconds: float) -> None:
        self.done.append({"part": name, "what came of it": word, "seconds": round(seconds, 2)})
        about = provenance(str(self.device))
        self.write("session.json", {"tiny": self.tiny, "parts": self.done, "made by": about})
        print(f"{name}: {word} ({seconds:.1f} s, {self.left():.0f} s left)", flush=True)


def gpu_tests(session: Session) -> str:
    """The tests marked gpu; without a GPU they are collected and skipped."""
    where = f"{TESTS}/runs" if session.tiny else TESTS
    limit = max(1.0, SHARE_OF_TESTS * session.seconds)
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-m", "gpu", "-p", "no:cacheprovider", where]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit)
    except subprocess.TimeoutExpired as error:
        session.write("gpu_tests.txt", (error.stdout or b"").decode())
        return f"stopped after {limit:.0f} s"
    session.write("gpu_tests.txt", ran.stdout + ran.stderr)
    return ran.stdout.strip().splitlines()[-1]


def ensemble(session: Session) -> None:
    """32 small networks together against one by one (3 in the rehearsal)."""
    size = {"n_members": 3, "max_epochs": 1} if session.tiny else {}
    session.write("ensemble.json", members(session.device, **size))


def matmul_share(session: Session) -> None:
    """Operations a second of training epochs over those of the largest matrix product, by precision."""
    precisions = ("float32",) if session.device.type == "cpu" else ("float32", "tf32", "bf16")
    found: dict[str, Any] = {"unit": "operations a second"}
    for precision in precisions:
        ceiling = _product_rate(session, precision)
        rates = {name: _epoch_rate(session, name, precision) for name in NETWORKS}
        found[precision] = {
            "matrix product": ceiling,
            **{name: {"training": rate, "share": rate / ceiling} for name, rate in rates.items()},
        }
        session.write("matmul_share.json", found)


def _product_rate(session: Session, precision: str) -> float:
    n = 256 if session.tiny else 8192
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    one, other = (torch.ones(n, n, dtype=kind, device=session.device) for _ in range(2))
    with matmul_precision(precision, session.device):
        return 2 * n**3 / _seconds(session, lambda: one @ other, 10)


def _epoch_rate(session: Session, name: str, precision: str) -> float:
    how, shape = NETWORKS[name]
    size, batch = (4, 2) if session.tiny else (2560, 128)
    if session.tiny and how["network"] != "fcn":
        how = how | {"width_multiplier": 0.1}
    data = ImageDataset(torch.zeros(size, *shape), torch.arange(size) % 10, 10)
    model = build_network(**how, input_shape=shape, n_classes=10, seed=0).to(session.device).train()
    samples = samples_on(data, session.device)
    arguments = TrainingArguments(
        learning_rate=1e-3, max_epochs=1, batch_size=batch, clip_norm=1.0, precision=precision
    )
    stepper, order = make_optimizer(list(model.parameters()), arguments), torch_stream(0, "order")
    with FlopCounterMode(display=False) as counter:
        loss = nn.functional.cross_entropy(model(samples.inputs[:batch]), samples.labels[:batch])
        torch.autograd.backward(loss)
    operations = counter.get_total_flops() * size / batch
    return operations / _seconds(session, lambda: run_epoch(model, samples, stepper, order, arguments), 3)


def _seconds(session: Session, work: Callable[[], object], times: int) -> float:
    """The least of some turns, after one that does not count (first calls load libraries)."""
    best = float("inf")
    for turn in range(times + 1):
        begun = _now(session.device)
        work()
        if turn:
            best = min(best, _now(session.device) - begun)
    return best


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def paper_form(session: Session, name: str) -> str:
    """As many runs of an experiment as fit, all arms of one seed before the next seed."""
    sweep, store = read_sweep(name, "paper"), Store(session.folder / "store")
    store.prepare()
    longest, made = 0.0, 0
    for planned in _in_turn(session, sweep):
        if session.left() < longest:
            break
        begun = time.monotonic()
        try:
            run_data(planned.spec)
        except (OSError, ValueError, ModuleNotFoundError) as error:
            return f"its data are not at hand: {error}"
        try:
            make_run(planned.spec, store, device=str(session.device), progress=_until(session))
        except OutOfTimeError:
            break
        longest, made = max(longest, time.monotonic() - begun), made + 1
        one = Sweep(f"{name}.paper", sweep.title, (planned,))
        record_sweep(one, store, session.folder / "recorded")
        store.remove(planned.spec)  # checkpoints are large, and a small file is what comes back
    return f"{made} of {len(sweep.runs)} runs"


def _in_turn(session: Session, sweep: Sweep) -> Iterator[PlannedRun]:
    runs = sorted(sweep.runs, key=lambda run: run.spec.seed)
    if not session.tiny:
        yield from runs
        return
    small = {"data": "digits", "limit": 20, "test_limit": None, "max_epochs": 60, "target_loss": 2.0}
    for planned in [run for run in runs if run.spec.network == "fcn"][:2]:
        yield replace(planned, spec=replace(planned.spec, **small, width=16, alphas=3, precision="float32"))


def _until(session: Session) -> Callable[[object], None]:
    def stop(_: object) -> None:
        if session.left() <= 0:
            raise OutOfTimeError

    return stop


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no CUDA device; rehearse with --device cpu --tiny")
    folder = options.output or Path(os.environ.get("OUT") or Path("results", "gpu-session"))
    session = Session(folder, torch.device(options.device), 60 * options.minutes, options.tiny)
    session.part("gpu tests", lambda: gpu_tests(session))
    session.part("matmul share", lambda: matmul_share(session))
    session.part("ensemble", lambda: ensemble(session))
    for name in WANTED:
        session.part(f"paper form of {name}", lambda name=name: paper_form(session, name))


if __name__ == "__main__":
    main()
