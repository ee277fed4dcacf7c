"""The claims, one file each (c1.py, ...), with rules fixed before the first results.

Comes in: observations.py (runs that count). Goes out: `Claim`s, each with criteria and thresholds (claim.py).
A new one: a file here, its place below, claim_figures.py, its row in docs_pages/reproduce_page.py.
line_shape.py, predicted.py, zero_start.py, power_model_laws.py, realistic_runs.py,
steps_and_shapes.py   numbers of a run
hypotheses.py   what a theorem assumes; rule_text.py, scope_text.py   rules in words
May import: metrics, regimes, statistics, mli_theory, simulations.
"""

from validation.claims import c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15
from validation.claims.claim import Claim, Criterion, Measurement

__all__ = ["CLAIMS", "REGIME_CLAIMS", "Claim", "Criterion", "Measurement"]

CLAIMS: tuple[Claim, ...] = tuple(module.CLAIM for module in (c1, c2, c3, c4, c5, c6, c7, c8, c9))
# About the regimes where the account holds; judged apart, with a Holm correction of their own.
REGIME_CLAIMS: tuple[Claim, ...] = tuple(module.CLAIM for module in (c10, c11, c12, c13, c14, c15))
