"""Which figures show the numbers of a claim."""

__all__ = ["CLAIM_FIGURES"]

CLAIM_FIGURES = {
    "C1": ("F1", "F12"),
    "C2": ("F13",),
    "C3": ("F1",),
    "C4": ("F1", "F2", "F11"),
    "C5": ("F4", "F6", "F9", "F11"),
    "C6": ("F3", "F7"),
    "C7": ("F5",),
    "C8": ("F8",),
    "C9": ("F1", "F9", "F10"),
}
"""The figures (`mli figures NAME`) that show a claim's numbers."""
