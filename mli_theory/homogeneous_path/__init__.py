"""The homogeneous path z = alpha^r s + alpha b: zero initial weights (theory.md section 1).

Comes in: signal (n, k), bias (k,), labels (n,), degree. Goes out: intervals and curves in alpha.
intervals.py     where a sample is correct (T1), by crossings.py and float_roots.py
closed_form.py   plateau, loss and error (T2, T3, T5); path_loss.py   the loss at many alphas
expansion.py     the loss near the start (T4, T4'), by bias_series.py; symbolic.py   for sympy
May import: cross_entropy, domain, names_in_words, short_repr.
"""
