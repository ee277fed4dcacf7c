"""Closed forms and proofs about the plateau in monotonic linear interpolation.

Arrays in, arrays out: no torch, no files, no plots, no randomness. The notation of every module:
n samples, k classes, degree r, logits in nats, losses in nats per sample averaged over samples;
alpha = 0 is the initialisation and alpha = 1 the trained network, beta = alpha^(r-1).

Each name is imported when it is first used: `import mli_theory` loads neither numpy nor sympy.

homogeneous_path/           z = alpha^r s + alpha b: zero initial weights (T1 to T5)
operator_norm_window.py, start_of_plateau.py   real initial weights (T6, T14)
power_model/                laws of the paper's simple model (T8 to T12)
certificates/               exact statements about the power model's line
derivations/                every theorem, re-proved by sympy
domain.py, cross_entropy.py   checked input; losses without cancellation
names_in_words.py, short_repr.py   results and lists of names in messages
"""

from mli_theory.lazy_names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
