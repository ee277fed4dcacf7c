"""A language model's line over a vocabulary of 50,000 words: passes, memory above the model, CPU seconds.

    OMP_NUM_THREADS=1 python -m benchmarks.vocabulary_line --tokens 100000

Linux only. An embedding, a mixing layer and a head of random weights; the two ends are two draws. The
adaptive line and a grid are walked in one run; of both the peak of resident memory (VmHWM) above what is
resident before is printed, and how far they are apart at the grid's alphas. The grid walks --grid alphas: it
keeps numbers alone of each, so its memory is that of any number.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.line_memory import resident
from simulations.curves.one_path import interpolation_curves
from simulations.runtime.random_streams import torch_stream

BATCH, LENGTH, WIDTH = 4, 64, 32


class LanguageModel(nn.Module):
    """Tokens (n, t) to logits (n, t, k): each sees the mean of those before it."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.embed, self.mix, self.head = (
            nn.Embedding(k, WIDTH),
            nn.Linear(2 * WIDTH, WIDTH),
            nn.Linear(WIDTH, k),
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits of the word after each."""
        own = self.embed(tokens)
        before = own.cumsum(dim=1) / torch.arange(1, tokens.shape[1] + 1)[:, None]
        return self.head(torch.tanh(self.mix(torch.cat([own, before], dim=2))))


def states(k):
    found = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        found.append({name: tensor.clone() for name, tensor in LanguageModel(k).state_dict().items()})
    return found


def walked(words, *line, **options):
    """The curve, and a line of what it took."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak becomes what is resident now
    before, began = resident("VmRSS:"), time.process_time()
    curve = interpolation_curves(*line, **options)
    taken, peak = time.process_time() - began, resident("VmHWM:") - before
    print(
        f"{words}: {curve.attrs['forward_passes']:.1f} passes, {peak:.0f} MiB above the model, "
        f"{taken:.0f} CPU s, nodes {curve.attrs['nodes']}, estimated errors "
        f"{curve.attrs['estimated_loss_error']:.1e} nats, {curve.attrs['estimated_error_error']:.1e}",
        flush=True,
    )
    return curve


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--words", type=int, default=50_000)
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--alphas", type=int, default=101)
    parser.add_argument("--grid", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    tokens = torch.randint(
        given.words, (given.tokens // LENGTH, LENGTH + 1), generator=torch_stream(0, "words")
    )
    data = [(part[:, :-1], part[:, 1:].clone()) for part in tokens.split(BATCH)]
    model, (start, end) = LanguageModel(given.words), states(given.words)
    few = [data[0]]
    interpolation_curves(model, start, end, few, alphas=[0.0, 1.0])  # what a first call loads is there
    grid = walked("grid", model, start, end, data, alphas=given.grid, method="grid")
    line = walked("adaptive", model, start, end, data, alphas=given.alphas)
    there = line.sel(alpha=grid.alpha, method="nearest")
    print(f"apart at {given.grid} alphas: {float(np.abs(there.loss - grid.loss).max()):.1e} nats")


if __name__ == "__main__":
    main()
