"""The rule applied: from a claim and its observations to a verdict.

judging.py   criteria, p-values, Holm's correction, verdicts
power.py     how often the rules err and find, on synthetic data
Each claim's own rule is in `validation.claims`. May import `claims` and `statistics`.
"""
