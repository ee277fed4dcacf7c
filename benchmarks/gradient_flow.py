"""What `simulations.gradient_flow.integrate` costs beside general solvers at equal end-state error.

    python -m benchmarks.gradient_flow [single] [first] [batch] [large] [descent]

Times are CPU seconds of one thread (`time.process_time`), the median of --starts starts, so that a shared
machine's other work does not count; `batch` splits its seeds over two processes and prints wall time too.
Errors are the largest change of b and of W^r at the end against `integrate` at rtol 1e-10. Compiling the
loops is not in these times: `first` measures it. benchmarks/gradient_flow_formulations.py has the
formulations beside each other, gradient_flow_cost.py the growth of the cost, gradient_flow_accuracy.py the
accuracy over the range.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from statistics import median

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

from benchmarks.lsoda_baselines import lsoda, lsoda_compiled  # noqa: E402
from simulations.gradient_flow import descend, integrate  # noqa: E402
from simulations.gradient_flow.curvature import largest_curvature  # noqa: E402

SINGLE = [(4, 5, 2e-2, 1e-8), (10, 4, 1e-2, 1e-8), (4, 3, 1e-2, 1e-6), (4, 3, 0.3, 1e-6)]
DEFAULT = 5e-7
LADDER = [5e-5, 2e-5, 1e-5, 5e-6, 2e-6, DEFAULT, 1e-7]
NUMPY = "integrate, numpy"
COMPILED = "LSODA (b), callbacks compiled"
JACOBIAN = "LSODA (b), Jacobian"


def start(seed, scale, k):
    return scale * np.random.default_rng(seed).uniform(0.5, 1, (k, k))


def timed(call):
    before = time.process_time()
    result = call()
    return time.process_time() - before, result


def flow_end(flow, degree):
    return flow.bias.values[..., -1, :], flow.weights.values[..., -1, :, :] ** degree


def error(end, reference):
    return max(float(np.abs(a - b).max()) for a, b in zip(end, reference, strict=True))


def single(starts, baselines):
    """Every method on every start, interleaved; `integrate` on the ladder of tolerances.

    "equal error" is the loosest rtol of the ladder whose median end error is at most that of (b).
    """
    for compiled in (integrate, lsoda_compiled):  # before anything is timed
        compiled(start(0, 0.1, 2), 3, 1e-2)
    print("one run | method | CPU s | right-hand sides | end error, median and largest, nats | times (b)")
    for k, degree, scale, final_loss in SINGLE:
        rows = {}

        def flow(weights, rtol, driver, final_loss=final_loss, degree=degree):
            seconds, found = timed(lambda: integrate(weights, degree, final_loss, rtol=rtol, driver=driver))
            return seconds, int(found.n_evaluations), flow_end(found, degree)

        for seed in range(starts):
            weights = start(seed, scale, k)
            reference = flow_end(integrate(weights, degree, final_loss, rtol=1e-10, record=2), degree)
            measured = {rtol: flow(weights, rtol, "compiled") for rtol in LADDER}
            measured[NUMPY] = flow(weights, DEFAULT, "numpy")
            seconds, (calls, end) = timed(lambda w=weights: lsoda_compiled(w, degree, final_loss))  # noqa: B023
            measured[COMPILED] = seconds, calls, end
            for name in baselines:
                seconds, (calls, end) = timed(lambda w=weights, n=name: lsoda(n, w, degree, final_loss))  # noqa: B023
                measured[name] = seconds, calls, end
            for name, (seconds, calls, end) in measured.items():
                rows.setdefault(name, []).append((seconds, calls, error(end, reference)))
        target = median(row[2] for row in rows[JACOBIAN])
        enough = [t for t in LADDER if median(row[2] for row in rows[t]) <= target]
        equal = max(enough) if enough else min(LADDER)
        base = median(row[0] for row in rows[JACOBIAN])
        chosen = {f"integrate, {DEFAULT:g} (default)": DEFAULT, f"integrate, {equal:g} (equal error)": equal}
        for label, key in (chosen | {name: name for name in [NUMPY, COMPILED, *baselines]}).items():
            seconds, calls, errors = zip(*rows[key], strict=True)
            print(
                f"{k}, {degree}, {scale:.0e}, {final_loss:.0e} | {label:29s} | {median(seconds):.4f} | "
                f"{median(calls):,.0f} | {median(errors):.1e}, {max(errors):.1e} | "
                f"{median(seconds) / base:.3f}",
                flush=True,
            )


_FIRST = """
import time
before = time.process_time()
import numpy
from simulations.gradient_flow import integrate
imported = time.process_time()
integrate(numpy.array([[0.1, 0.05], [0.06, 0.08]]), 3, 1e-2)
print(f"{imported - before:.2f} {time.process_time() - imported:.2f}")
"""


def first():
    """The first call in a new process: with an empty cache (compiling), then with a full one."""
    with tempfile.TemporaryDirectory() as cache:
        for label in ("empty", "full"):
            done = subprocess.run(
                [sys.executable, "-c", _FIRST],
                env=os.environ | {"NUMBA_CACHE_DIR": cache},
                capture_output=True,
                text=True,
                check=True,
            )
            imports, call = done.stdout.split()
            print(f"first call, cache {label}: {call} CPU s (imports before it {imports})", flush=True)


def _part(weights):
    integrate(weights[0], 4, 1e-2)  # loads the compiled loops

    before = time.process_time()
    flow = integrate(weights, 4, 1e-8, record=50)
    return time.process_time() - before, flow_end(flow, 4)


def batch(runs, baselines):
    k, degree, scale, final_loss = 10, 4, 1e-2, 1e-8
    weights = np.stack([start(seed, scale, k) for seed in range(runs)])
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_part, [weights[:2], weights[:2]]))  # imports are not timed
        before = time.perf_counter()
        parts = list(pool.map(_part, np.array_split(weights, 2)))
        wall = time.perf_counter() - before
    cpu = max(part[0] for part in parts)
    ends = [np.concatenate(values) for values in zip(*(part[1] for part in parts), strict=True)]
    print(f"batch of {runs}, k {k} r {degree}: slower process {cpu:.1f} CPU s, wall {wall:.1f} s")
    for name in ("LSODA (a)", JACOBIAN):
        times, errors = [], []
        for seed in range(baselines):
            reference = flow_end(integrate(weights[seed], degree, final_loss, rtol=1e-10, record=2), degree)
            seconds, (_, end) = timed(lambda s=seed, n=name: lsoda(n, weights[s], degree, final_loss))
            times.append(seconds)
            errors.append((error(end, reference), error([e[seed] for e in ends], reference)))
        total = np.mean(times) * runs
        worst = np.max(errors, axis=0)
        print(
            f"  {runs} runs of {name}, from {baselines}: {total:.0f} CPU s on one core, "
            f"ratio {total / cpu:.0f} "
            f"(both on two cores: {total / 2 / cpu:.0f}); end errors {worst[0]:.1e}, batch {worst[1]:.1e}",
            flush=True,
        )


def large():
    weights = start(0, 1e-2, 100)
    integrate(weights[:2, :2], 3, 1e-2)  # compiled before it is timed
    seconds, flow = timed(lambda: integrate(weights, 3, 1e-6))
    tighter = integrate(weights, 3, 1e-6, rtol=DEFAULT / 100, record=2)
    print(
        f"k 100, r 3, 1e-2, 1e-6: {seconds:.1f} CPU s, {int(flow.n_steps)} steps, "
        f"loss {float(flow.loss[-1]):.3e}, drift of rows {float(flow.drift_rows):.1e} nats, "
        f"end error {error(flow_end(flow, 3), flow_end(tighter, 3)):.1e}"
    )


def descent():
    # The largest stable step is 2 over the largest eigenvalue of the Hessian along the flow; the flow's time
    # over it is the number of steps, and 2,000 real steps give their cost.
    for k, degree, scale, final_loss in SINGLE[:2]:
        weights = start(0, scale, k)
        integrate(weights, degree, 0.1)  # compiled and imported before anything is timed
        descend(weights, degree, 1e-3, 1e-12, max_steps=10)
        seconds, _ = timed(lambda: integrate(weights, degree, final_loss))  # noqa: B023
        flow = integrate(weights, degree, final_loss, record=10**5)  # every step
        curvature = largest_curvature(flow.weights.values, flow.bias.values, degree)
        peak = int(curvature.argmax())
        rate = 2 / float(curvature[peak])
        steps = float(flow.time[-1]) / rate
        taken, _ = timed(lambda: descend(weights, degree, rate, 1e-12, max_steps=2000, record=2))  # noqa: B023
        total = taken / 2000 * steps
        print(
            f"gradient descent, k {k} r {degree}: largest curvature {curvature[peak]:.3g} at loss "
            f"{float(flow.loss[peak]):.2g} ({curvature[0]:.2g} at first, {curvature[-1]:.2g} at the end), "
            f"step {rate:.3g}, {steps:.3g} steps, {total:.3g} CPU s by extrapolation; integrate "
            f"{seconds:.4f} s, ratio {total / seconds:.2g}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=["single", "first", "batch", "large", "descent"])
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--runs", type=int, default=256)
    parser.add_argument("--baselines", type=int, default=8)
    parser.add_argument("--no-plain", action="store_true", help="leave out LSODA (a), most of the time")
    chosen = parser.parse_args()
    if "single" in chosen.what:
        single(chosen.starts, [JACOBIAN] if chosen.no_plain else ["LSODA (a)", JACOBIAN])
    if "batch" in chosen.what:
        batch(chosen.runs, chosen.baselines)
    if "large" in chosen.what:
        large()
    if "first" in chosen.what:
        first()
    if "descent" in chosen.what:
        descent()


if __name__ == "__main__":
    main()
