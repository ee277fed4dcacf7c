"""The figures by name. Imports nothing heavy: the command line's help reads it."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["FIGURES", "figure_names"]

# Name to the module that collects, draws and describes it.
FIGURES = {
    "F1": "f01_lines",
    "F2": "f02_growth",
    "F3": "f03_power_model",
    "F4": "f04_plateau_end",
    "F5": "f05_practical",
    "F6": "f06_imposed_bias",
    "F7": "f07_plateau_laws",
    "F8": "f08_loss_bump",
    "F9": "f09_leaving",
    "F10": "f10_accuracy",
    "F11": "f11_retention",
    "F12": "f12_test_lines",
    "F13": "f13_hardness",
    "F13b": "f13b_harder_problems",
    "F14": "f14_regime_map",
    "F15": "f15_certified_line",
    "F16": "f16_starts",
    "F17": "f17_layers",
    "F18": "f18_checkpoints",
    "F19": "f19_rates",
    "F20": "f20_minima",
    "F21": "f21_autoencoders",
    "F22": "f22_language_model",
    "F23": "f23_pretraining",
    "F24": "f24_measures",
}


def figure_names(asked: Iterable[str]) -> tuple[str, ...]:
    """The names asked for, in any case and each once, in the order of the catalogue; all if none is.

    Raises:
        ValueError: a name that no figure has; the message lists those there are.
    """
    known = {name.upper(): name for name in FIGURES}
    wanted = []
    for name in asked:
        if name.upper() not in known:
            raise ValueError(f"there is no figure {name!r}: choose from {', '.join(FIGURES)}")
        wanted.append(known[name.upper()])
    return tuple(name for name in FIGURES if name in wanted or not wanted)
