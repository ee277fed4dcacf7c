"""The integrator of the power model's gradient flow, in numpy and compiled by numba.

Comes in: a checked start (`gradient_flow.problem`). Goes out: the records of every run of a batch.
mirror.py    the coordinates; rosenbrock.py, linear.py   one implicit step
stepper.py   the adaptive driver in arrays; compiled.py, kernel.py   the same in compiled loops
run.py       records and errors of a run; reachability.py   which starts can reach a loss at all
May import numpy, scipy and mli_theory.
"""
