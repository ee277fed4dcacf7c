"""The power model, logits W_ij^r + b_i on one input a class: laws of its training (theory.md section 3).

The paper's simple model. Comes in: weights, or classes, degree, loss. Goes out: times, gaps and plateaus.
flow_equations.py      logits, loss, gradient, conserved quantities (T8)
learning_schedule.py, first_learning_time.py   when classes are learned (T9); bias_bounds.py (T10b, T11')
plateau_laws.py, two_class_plateau.py, crossover.py, degree_two.py   the plateau's length (T11)
loss_limit.py, rate_to_limit.py   the loss's limit, and when (T12); half_normal_start.py   random starts (T16)
May import: cross_entropy, domain, names_in_words, short_repr.
"""

from mli_theory.power_model.flow_equations import conserved_quantities, gradient, logits, loss

__all__ = ["conserved_quantities", "gradient", "logits", "loss"]
