"""Experiments on the power model (theory.md section 3): one file each, raw numbers per seed.

An experiment module has GROUPS (cases of a quick and a full size), VARIABLES (what each number is) and
`measure(group, seed)`. No intervals and no verdicts here. `catalogue` lists them without importing numpy.
"""

from simulations.power_model_experiments.catalogue import CATALOGUE

__all__ = ["CATALOGUE"]
