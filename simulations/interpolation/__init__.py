"""Interpolation of logits over alpha at Chebyshev points, and an estimate of its error (theory.md T7).

Comes in: logits of a batch at some alphas. Goes out: losses and predictions at every alpha asked.
adaptive.py         adds nodes until the tolerances are met; adaptive_rows.py   of any objective
interpolant.py      the polynomial through one level of nodes; chebyshev.py   its nodes and weights
error_estimate.py   how wrong the curves may be; class_changes.py   where a prediction changes
near_ties.py        alphas at which too many samples nearly tie to be interpolated; tied_rows.py   likewise
May import: nothing of ours.
"""
