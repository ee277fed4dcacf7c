"""Every theorem of the theory as a derivation that sympy re-checks step by step.

Comes in: a theorem's name. Goes out: its `Derivation`; `check()` re-proves it or raises `ProofError`.
t1_..., t2_..., one file a theorem: a new one is a file here and its name below
derivation.py, steps.py, comparison.py, decisions.py, relations.py, notation.py   the proof kernel
rendering.py   pages and terminal text
May import: names_in_words.
"""

from mli_theory.derivations import (
    rendering,
    t1_correct_interval,
    t2_constant_prediction,
    t3_error_monotone,
    t4_loss_expansion,
    t4p_loss_sandwich,
    t5_homogeneous_interpolation,
    t6_certified_window,
    t7_piecewise_polynomial,
    t8_conservation_laws,
    t9_learning_schedule,
    t9b_first_time,
    t10_bias_order,
    t10b_gap_bound,
    t10c_loss_order,
    t11_plateau_law,
    t11b_two_classes,
    t11p_bounded_biases,
    t12_signs,
    t12b_loss_limit,
    t12c_rate_to_limit,
    t13_effective_degree,
    t14_plateau_start,
    t14b_plateau_bracket,
    t15_certified_cells,
    t16_half_normal_start,
)
from mli_theory.derivations.derivation import Counterexample, Derivation, Hypothesis, ProofError, Report

__all__ = ["THEOREMS", "Counterexample", "Derivation", "Hypothesis", "ProofError", "Report", "rendering"]

_FILES = (
    t1_correct_interval,
    t2_constant_prediction,
    t3_error_monotone,
    t4_loss_expansion,
    t4p_loss_sandwich,
    t5_homogeneous_interpolation,
    t6_certified_window,
    t7_piecewise_polynomial,
    t8_conservation_laws,
    t9_learning_schedule,
    t9b_first_time,
    t10_bias_order,
    t10b_gap_bound,
    t10c_loss_order,
    t11_plateau_law,
    t11b_two_classes,
    t11p_bounded_biases,
    t12_signs,
    t12b_loss_limit,
    t12c_rate_to_limit,
    t13_effective_degree,
    t14_plateau_start,
    t14b_plateau_bracket,
    t15_certified_cells,
    t16_half_normal_start,
)

THEOREMS: dict[str, Derivation] = {file.DERIVATION.name: file.DERIVATION for file in _FILES}
