"""The claims C1 to C9, one file each; their rules are fixed before the first results."""

from validation.claims import c1, c2, c3, c4, c5, c6, c7, c8, c9
from validation.claims.claim import Claim, Criterion, Measurement

__all__ = ["CLAIMS", "REGIME_CLAIMS", "Claim", "Criterion", "Measurement"]

CLAIMS: tuple[Claim, ...] = tuple(module.CLAIM for module in (c1, c2, c3, c4, c5, c6, c7, c8, c9))
# About the regimes where the account holds; judged apart, with a Holm correction of their own.
REGIME_CLAIMS: tuple[Claim, ...] = ()
