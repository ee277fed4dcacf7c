"""What a certified line costs, beside the plain way: bisected cells in numpy (`plain`, written for this).

    OMP_NUM_THREADS=1 python -m benchmarks.certify_line [--every 1] [--networks 0 7]

CPU seconds of one thread (`time.process_time`), after a call that compiles. Both ways give the classes of all
cells; the plain one bisects a cell until one class leads on it or it is 2^-22 wide, with Taylor models of the
same degree and the same margins for rounding. `--networks` are places in `certified_networks.NETWORKS`.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from benchmarks.certified_networks import NETWORKS, build, trained
from mli_theory.certificates.relu_line.enclosure import Enclosure
from mli_theory.certificates.relu_line.first_cells import good_edges
from mli_theory.certificates.relu_line.recheck import recheck
from mli_theory.certificates.relu_line.search import search
from simulations.certified_line.line_of_module import open_certified_line
from simulations.datasets.image_dataset import load

U = 2.0**-53


def plain_enclosure(line, x, lower, upper):
    """Taylor models of degree 2 and radii of the logits, a numpy expression a line of the theory."""
    a, b = lower[:, None], upper[:, None]
    c, rho = 0.5 * (a + b), 0.5 * (b - a) * (1 + 4 * U)
    p, e = [x, 0 * x, 0 * x], 0 * x
    for step in line.steps:
        w0, w1, b0, b1 = step.start_weight, step.end_weight, step.start_bias, step.end_bias
        by_start = [q @ w0.T for q in p]
        by_change = [q @ (w1 - w0).T for q in p]
        rounded = 2 * (w0.shape[1] + 8) * U * sum(abs(q) for q in p)
        e = ((1 - a) * e + (1 + b) * rounded) @ abs(w0).T + b * ((e + rounded) @ abs(w1).T)
        z = [
            by_start[0] + c * by_change[0] + b0 + c * (b1 - b0),
            by_start[1] + c * by_change[1] + rho * (by_change[0] + b1 - b0),
            by_start[2] + c * by_change[2] + rho * by_change[1],
        ]
        biases = 8 * U * (abs(b0) + abs(b1) + abs(z[0]) + abs(z[1])) * step.has_bias
        e = e * (1 + 1e-12) + 1e-270 + abs(rho * by_change[2]) + biases
        if step.rectified:
            size = sum(abs(q) for q in z)
            spread = abs(z[1]) + e + 16 * U * (size + e)
            top, bot = z[0] + np.maximum(z[2], 0) + spread, z[0] + np.minimum(z[2], 0) - spread
            crossing = (bot < 0) & (top > 0)
            lam = np.where(crossing, np.clip(top / np.where(crossing, top - bot, 1), 0, 1), top > 0)
            offset = np.where(crossing, np.maximum(-lam * bot, (1 - lam) * top), 0) * (1 + 8 * U)
            e = lam * e + offset / 2 + 8 * U * crossing * (size + offset)
            z = [lam * z[0] + offset / 2, lam * z[1], lam * z[2]]
        p = z
    return np.array(p), e * (1 + 8 * U)


def plain(line, inputs, tolerance=2.0**-22, first_cells=32, block=4096):
    """Rows evaluated and undecided cells; the decided ones are kept as the search does."""
    samples = np.tile(np.arange(len(inputs)), first_cells)
    lower = np.repeat(np.arange(first_cells) / first_cells, len(inputs))
    width, rows, kept = 1.0 / first_cells, 0, []
    while len(samples) and width >= tolerance:
        halves = []
        for at in range(0, len(samples), block):
            some, low = samples[at : at + block], lower[at : at + block]
            p, e = plain_enclosure(line, inputs[some], low, low + width)
            rows += len(some)
            row, i = np.arange(len(some)), p[0].argmax(axis=1)
            q = p[:, row, i][:, :, None] - p
            size = abs(p).sum(axis=0)
            er = e + e[row, i][:, None]
            ahead = q[0] - abs(q[1]) + np.minimum(q[2], 0) > er + 64 * U * (size + size[row, i][:, None] + er)
            ahead[row, i] = True
            done = ahead.all(axis=1)
            kept.append((some[done], low[done], i[done]))
            halves.append((np.repeat(some[~done], 2), (low[~done][:, None] + [0, width / 2]).ravel()))
        samples, lower = (np.concatenate([half[place] for half in halves]) for place in range(2))
        width /= 2
    return rows, len(samples) // 2


def certified(line, inputs):
    enclosure = Enclosure(line, inputs)
    return search(enclosure, len(inputs), 2.0**-22, edges=good_edges(enclosure, len(inputs)))


def cpu_seconds(work):
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="every so many of the 1,740 digits")
    parser.add_argument("--networks", type=int, nargs="+", default=[0, 7])
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = load("digits")
    for place in given.networks:
        network = NETWORKS[place]
        run = trained(network, data)
        opened = open_certified_line(build(network), run.start, run.end, data, "linear", buffers="refuse")
        line, inputs = opened.line, opened.inputs[:: given.every]
        recheck(line, inputs[:2], search(Enclosure(line, inputs[:2]), 2, 0.5))  # compiles
        ours, cells = cpu_seconds(lambda line=line, x=inputs: certified(line, x))
        again, checked = cpu_seconds(lambda line=line, x=inputs, c=cells: recheck(line, x, c))
        slow, (rows, open_cells) = cpu_seconds(lambda line=line, x=inputs: plain(line, x))
        n = len(inputs)
        print(
            f"{network} ({run.status}), {n} samples: plain {slow:.2f} s, {rows / n:.0f} rows a sample, "
            f"{open_cells / n:.2f} undecided; certify_line {ours:.2f} s, {cells.rows / n:.0f} rows, "
            f"{(cells.winner < 0).sum() / n:.2f} undecided; {slow / ours:.1f} times; verify {again:.2f} s, "
            f"{checked.rows / n:.0f} rows, {len(checked.unproved)} unproved",
            flush=True,
        )


if __name__ == "__main__":
    main()
