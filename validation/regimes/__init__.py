"""A map of regimes: where a bias makes the error plateau, where depth makes the loss plateau, where neither.

Comes in: merged runs over depth and initial scale. Goes out: a Dataset over cells, shares of borders.
map_dataset.py   the runs as a grid; run_numbers.py   what is measured and predicted of one run
predicted_ends.py   plateaus' ends by M2 and T13; cells.py   means over seeds, the regime of each cell
borders.py   laws that draw a border on the map, judged cell by cell
May import: metrics, mli_theory, simulations.
"""

from validation.regimes.borders import BORDER, LEAST_EFFECT, BorderShares, border_shares
from validation.regimes.cells import LONG, cell_means
from validation.regimes.map_dataset import regime_map

__all__ = ["BORDER", "LEAST_EFFECT", "LONG", "BorderShares", "border_shares", "cell_means", "regime_map"]
