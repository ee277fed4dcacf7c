"""Closed forms and proofs about the plateau in monotonic linear interpolation.

Arrays in, arrays out: no torch, no files, no plots, no randomness. The notation of every module:
n samples, k classes, degree r, logits in nats, losses in nats per sample averaged over samples;
alpha = 0 is the initialisation and alpha = 1 the trained network, beta = alpha^(r-1).
"""

from mli_theory.certificates.power_model_certificate import (
    Certificate,
    CertifiedPlateau,
    ClassChange,
    ErrorStep,
    RealRoot,
    SlowCertificateWarning,
    certify,
)
from mli_theory.domain import DomainError
from mli_theory.homogeneous_path.closed_form import (
    Plateau,
    PredictedCurves,
    correct_interval,
    majority_exit,
    plateau,
    predict_curves,
)
from mli_theory.homogeneous_path.expansion import (
    Bump,
    LossExpansion,
    loss_bump,
    loss_expansion,
    loss_sandwich,
)
from mli_theory.homogeneous_path.symbolic import PlateauSymbols, SymbolicPlateau, symbolic_plateau
from mli_theory.operator_norm_window import certified_window
from mli_theory.power_model.bias_bounds import BiasGapBounds, bias_gap_bounds
from mli_theory.power_model.crossover import CrossoverLaw, crossover_law
from mli_theory.power_model.degree_two import quadratic_plateau_law
from mli_theory.power_model.learning_schedule import escape_gap, escape_schedule
from mli_theory.power_model.plateau_laws import PlateauLaw, largest_admissible_loss, plateau_law
from mli_theory.start_of_plateau import plateau_start

__all__ = [
    "BiasGapBounds",
    "Bump",
    "Certificate",
    "CertifiedPlateau",
    "ClassChange",
    "CrossoverLaw",
    "DomainError",
    "ErrorStep",
    "LossExpansion",
    "Plateau",
    "PlateauLaw",
    "PlateauSymbols",
    "PredictedCurves",
    "RealRoot",
    "SlowCertificateWarning",
    "SymbolicPlateau",
    "bias_gap_bounds",
    "certified_window",
    "certify",
    "correct_interval",
    "crossover_law",
    "escape_gap",
    "escape_schedule",
    "largest_admissible_loss",
    "loss_bump",
    "loss_expansion",
    "loss_sandwich",
    "majority_exit",
    "plateau",
    "plateau_law",
    "plateau_start",
    "predict_curves",
    "quadratic_plateau_law",
    "symbolic_plateau",
]
