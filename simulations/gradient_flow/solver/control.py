"""The constants of step control, common to both drivers (stepper.py, compiled.py)."""

__all__ = ["EVENT_TOLERANCE", "GROW", "HIT_FRACTION", "SAFETY", "SHRINK", "TREND"]

EVENT_TOLERANCE = 1e-11  # in the margin and in log loss
# Of the change of a step from one trial to the next.
SAFETY, SHRINK, GROW, TREND = 0.9, 0.2, 8.0, 1.25
# A waiting weight is exactly linear in U: without this limit each step would overshoot phi's range.
HIT_FRACTION = 0.99
