"""Peak memory of a line above what is loaded before it: every case and contender in a process of its own.

    PYTHONPATH=BENCH_SITE OMP_NUM_THREADS=1 python -m benchmarks.line_memory --mnist FOLDER [CASE ...]

Linux only. The process loads libraries, model, both checkpoints and data, walks three alphas of four samples
(so that what a first call loads is there), sets the kernel's peak of its resident memory (VmHWM) back to what
is resident now, and walks the line. Printed is how far the peak rose above that, in MiB: allocator's slack
included, libraries not. The grid and the contender walk 5 alphas: they keep numbers alone of each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from benchmarks.line_networks import CASES, build, images, network
from simulations.curves.one_path import interpolation_curves

CONTENDERS = ("engine", "engine, grid", "loss-landscapes 3.0.6")


def resident(key):
    """A field of the kernel's account of this process, MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise KeyError(key)


def walk(contender, model, start, end, data, alphas):
    if contender.startswith("loss-landscapes"):
        from benchmarks.curve_engine import contender as theirs

        theirs(model, start, end, data, steps=min(alphas, 5))
    else:
        method = "grid" if "grid" in contender else "adaptive"
        alphas = min(alphas, 5) if method == "grid" else alphas
        has_norm = any(name.endswith("running_mean") for name in start)
        policy = {"buffers": "interpolate"} if has_norm else {}
        interpolation_curves(
            model, start, end, (data.inputs, data.labels), alphas=alphas, method=method, **policy
        )


class Few:
    """Four samples of the data."""

    def __init__(self, data):
        self.inputs, self.labels = data.inputs[:4].clone(), data.labels[:4].clone()


def child(case, contender, folder, mnist):
    torch.set_num_threads(1)
    model, data = network(case)[0].eval(), images(case, mnist)
    start, end = (load_file(folder / f"{name}.safetensors") for name in ("start", "end"))
    walk(contender, model, start, end, Few(data), 3)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins again at VmRSS
    walk(contender, model, start, end, data, 501)
    print(resident("VmHWM") - before)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--mnist", type=Path, default=Path("../shared/data/mnist"))
    parser.add_argument("--child", nargs=2, metavar=("CONTENDER", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.cases[0], arguments.child[0], Path(arguments.child[1]), arguments.mnist)
        return
    for case in arguments.cases:
        if case.startswith("a") and not arguments.mnist.is_dir():
            print(f"{case}: skipped, there is no {arguments.mnist}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            _, start, end, data = build(case, arguments.mnist)
            for name, state in (("start", start), ("end", end)):
                save_file(state, Path(folder) / f"{name}.safetensors")
            found = {
                "case": CASES[case],
                "parameters, MiB": sum(t.numel() * t.element_size() for t in end.values()) / 2**20,
                "inputs, MiB": data.inputs.numel() * data.inputs.element_size() / 2**20,
            }
            for contender in CONTENDERS:
                command = [sys.executable, "-m", "benchmarks.line_memory", case, "--mnist", arguments.mnist]
                done = subprocess.run(
                    [*map(str, command), "--child", contender, folder],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                found[contender] = float(done.stdout)
        print(json.dumps(found, indent=1), flush=True)


if __name__ == "__main__":
    main()
