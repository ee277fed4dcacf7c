"""Symbols of a figure, typeset: one spelling of alpha, data by their names."""

from __future__ import annotations

import re

__all__ = ["ALPHA", "typeset"]

ALPHA = r"$\alpha$"
_NAMES = {"mnist": "MNIST", "cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "alpha": ALPHA}


def typeset(words: str) -> str:
    """Words of saved data as a figure shows them: alpha as a symbol, data sets by their usual names."""
    return re.sub(r"\b[a-z]+[0-9]*\b", lambda found: _NAMES.get(found[0], found[0]), words)
