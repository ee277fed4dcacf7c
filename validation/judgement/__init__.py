"""The rule applied: from claims and observations to verdicts.

Comes in: claims, each with its own rule (`validation.claims`), and observations. Goes out: verdicts.
judging.py   criteria, p-values, Holm's correction, verdicts
power.py     how often the rules err and find, on synthetic data
May import: claims, statistics, simulations.
"""
