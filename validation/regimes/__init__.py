"""A map of regimes: where a bias makes the error plateau, where depth makes the loss plateau, where neither.

Comes in: merged runs of a grid over depth and initial scale (`simulations.runs`, experiment regime_map). Goes
out: one Dataset over the cells (`regime_map`), and how often a border is on the right side (`border_shares`).
run_numbers.py      what is measured and predicted of one run
predicted_ends.py   plateaus' ends by M2 and T13
map_dataset.py      the runs as a grid; cells.py   means over seeds, and the regime of each cell
borders.py          laws that draw a border on the map, judged cell by cell
May import `metrics`, `statistics` and `mli_theory`.
"""

from validation.regimes.borders import BORDER, LEAST_EFFECT, BorderShares, border_shares
from validation.regimes.cells import LONG, cell_means
from validation.regimes.map_dataset import regime_map

__all__ = ["BORDER", "LEAST_EFFECT", "LONG", "BorderShares", "border_shares", "cell_means", "regime_map"]
