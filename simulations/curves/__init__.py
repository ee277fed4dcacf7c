"""Loss and error along a path between two checkpoints.

Comes in: a module, two checkpoints and data. Goes out: an xarray.Dataset over alpha.
one_path.py       one path (`interpolation_curves`); several_paths.py   several on one grid
engine.py         the passes over the data; accumulator.py   sums over samples
forecast.py      passes, memory and time to expect
cache.py, files.py   curves kept by content; curves as NetCDF and CSV
How a curve's error is estimated: `simulations.interpolation.error_estimate`.
A new path: `simulations.line.paths`.
May import the rooms `line`, `interpolation`, `user_data`, `models` and `runtime`.
"""

from simulations.curves.files import save_curve
from simulations.curves.logit_paths import logit_path
from simulations.curves.one_path import METHODS, interpolation_curves
from simulations.curves.several_paths import PathBetweenStates, curves_together
from simulations.curves.splits import split_curves

__all__ = [
    "METHODS",
    "PathBetweenStates",
    "curves_together",
    "interpolation_curves",
    "logit_path",
    "save_curve",
    "split_curves",
]
