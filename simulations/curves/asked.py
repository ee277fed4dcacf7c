"""A curve as it was asked for: its arguments, checked, and what the ways to walk it take of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from simulations.curves.arguments import call_as_json
from simulations.curves.cache import CurveCache
from simulations.curves.watched import Watched
from simulations.line.moved_network import Line
from simulations.objectives.objective import Objective

__all__ = ["AskedCurve"]

OF_THE_LINE = (
    *("path", "buffers", "bias_depth", "batch_hook", "device", "precision", "channels_last"),
    *("biases", "last_layer", "output"),
)
OF_THE_KEY = ("path", "bias_depth", "exits", "samples", "channels_last", "alphas_at_once", "output")
OF_THE_OBJECTIVE = ("objective", "class_weights", "label_smoothing", "ignore_index", "target")


@dataclass(frozen=True, eq=False)
class AskedCurve:
    """The arguments of `simulations.curves.interpolation_curves`, checked.

    Attributes:
        arguments: by name, without those below.
        alphas: (A,).
        objective: what is measured.
        calibration: data.
        cache: a folder.
        progress: is told.
    """

    arguments: Mapping[str, Any]
    alphas: NDArray[Any]
    objective: Objective
    calibration: Any
    cache: Path | str | None
    progress: Callable[[int, int | None], None] | None

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def line_options(self) -> dict[str, Any]:
        """Arguments of `simulations.line.line_setup.open_line`."""
        return {name: self[name] for name in OF_THE_LINE} | {"calibration": self.calibration}

    def engine_options(self) -> dict[str, Any]:
        """Of both engines. Where every output is seen every alpha is evaluated."""
        adaptive = self["method"] == "adaptive" and not self.watched()
        return {"adaptive": adaptive} | {n: self[n] for n in ("loss_tolerance", "error_tolerance")}

    def watched(self) -> Watched:
        """New sums of what else is asked of every output."""
        return Watched(self.alphas, self["metrics"], self.objective if self["calibrated"] else None)

    def call(self) -> str:
        """The arguments as JSON."""
        return call_as_json(self.arguments)

    def cached(self, line: Line, attributes: Mapping[str, Any], *, objective: bool = False) -> CurveCache:
        """Where the curve may be kept.

        Args:
            line: the opened one.
            attributes: of `simulations.curves.attributes.line_attributes`.
            objective: the curve is that of an objective, not of classes alone.
        """
        names = [*OF_THE_KEY, *(OF_THE_OBJECTIVE if objective else ())]
        names += ["metrics", "calibrated"] if self.watched() else []
        key = {**attributes, "alphas": self.alphas, **{name: self[name] for name in names}}
        return CurveCache(self.cache, line, key, self.objective if objective else None)
