"""The public page of mli_theory is exactly this list."""

import mli_theory

PUBLIC = [
    "BiasGapBounds",
    "Bump",
    "Certificate",
    "CertifiedPlateau",
    "ClassChange",
    "CrossoverLaw",
    "DomainError",
    "ErrorStep",
    "HalfNormalPlateau",
    "LearningTimeBounds",
    "LossExpansion",
    "Plateau",
    "PlateauLaw",
    "PlateauSymbols",
    "PredictedCurves",
    "RealRoot",
    "SlowCertificateWarning",
    "SymbolicPlateau",
    "TwoClassPlateauBounds",
    "bias_gap_bounds",
    "certified_window",
    "certify",
    "correct_interval",
    "crossover_law",
    "escape_gap",
    "escape_schedule",
    "first_learning_time_bounds",
    "half_normal_start_plateau",
    "largest_admissible_loss",
    "loss_above_limit_bound",
    "loss_bump",
    "loss_expansion",
    "loss_limit",
    "loss_sandwich",
    "majority_exit",
    "plateau",
    "plateau_law",
    "plateau_start",
    "plateau_start_bounds",
    "predict_curves",
    "quadratic_plateau_law",
    "symbolic_plateau",
    "time_to_loss_bound",
    "two_class_plateau_bounds",
]


def test_the_public_page_is_exactly_this():
    assert sorted(mli_theory.__all__) == PUBLIC


def test_every_public_name_is_documented():
    undocumented = [name for name in PUBLIC if not (getattr(mli_theory, name).__doc__ or "").strip()]
    assert not undocumented
