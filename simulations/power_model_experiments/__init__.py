"""Experiments on the power model (theory.md section 3): one file each, raw numbers per seed.

Comes in: names, seeds and a size. Goes out: one NetCDF file an experiment; no intervals, no verdicts.
An experiment has GROUPS (cases of each size), VARIABLES and `measure(group, seed)`; a new one is a file here
and a line in catalogue.py. Helpers: cases, flows, flow_path, starts; parts and runner make the files.
May import: gradient_flow, runtime, mli_theory.
"""

from simulations.power_model_experiments.catalogue import CATALOGUE

__all__ = ["CATALOGUE"]
