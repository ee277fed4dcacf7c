"""The public page of mli_theory is exactly this list."""

import mli_theory

PUBLIC = [
    "DomainError",
    "Plateau",
    "PredictedCurves",
    "correct_interval",
    "majority_exit",
    "plateau",
    "predict_curves",
]


def test_the_public_page_is_exactly_this():
    assert sorted(mli_theory.__all__) == PUBLIC


def test_every_public_name_is_documented():
    undocumented = [name for name in PUBLIC if not (getattr(mli_theory, name).__doc__ or "").strip()]
    assert not undocumented
