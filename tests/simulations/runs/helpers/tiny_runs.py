"""Runs of a few steps for the tests of store and sweeps: two layers of 16 on 20 digits."""

from dataclasses import replace

from simulations.specs.run_spec import RunSpec

TINY = RunSpec(
    limit=20,
    depth=2,
    width=16,
    learning_rate=0.05,
    target_loss=2.0,
    max_epochs=60,
    alphas=5,
    seed=0,
)

SWEEP = """
title = "tiny"
seeds = [0, 1]
[fixed]
limit = 20
width = 16
learning_rate = 0.05
target_loss = 2.0
max_epochs = 60
alphas = 5
[grid]
depth = [2, 3]
"""


def tiny(**changes):
    return replace(TINY, **changes)
