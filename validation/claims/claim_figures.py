"""Which figures show the numbers of a claim, or for C10 to C13 its question on other networks."""

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
    "C10": ("F14",),
    "C11": ("F14",),
    "C12": ("F14",),
    "C13": ("F14",),
    "C14": ("F14",),
    "C15": ("F13b",),
}
"""The figures (`mli figures NAME`) of each claim. F14 is the map that C14 is judged on: on it C10 to C13 ask
of realistic networks what it shows of small ones."""
