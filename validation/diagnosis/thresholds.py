"""The thresholds of a diagnosis's rule, all of them, and why each is what it is."""

from __future__ import annotations

__all__ = ["CHANGED", "DOUBT", "HOMOGENEOUS", "LONG", "MATERIAL", "SHALLOW", "SUPPLIED"]

MATERIAL = 0.05
"""Of the line, by which an account must lengthen a plateau: five steps of the default grid, half of LONG."""

LONG = 0.1
"""Of the line: the smallest plateau one would call long. Where loss and error both end theirs before it,
there is none to explain."""

DOUBT = 2.0
"""Standard errors over samples within which an account cannot be told from no change."""

CHANGED = 1.0
"""Standard errors by which a counterfactual may move the error at alpha = 1. Beyond them it is a
counterfactual of another trained network, and its account does not count."""

HOMOGENEOUS = 0.25
"""Degrees by which a signal's degree may miss the number of its weight layers: far above rounding, and below
what one sum of branches of unequal depth, one normalisation or one saturating activation makes."""

SUPPLIED = 0.5
"""Share of the degree that training must have supplied, or else the initial weights decide the line (T13)."""

SHALLOW = 2
"""Degree up to which a network without a plateau is too shallow for one."""
