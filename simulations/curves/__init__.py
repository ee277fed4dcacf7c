"""Loss and error along a path between two checkpoints.

Comes in: a module, two checkpoints and data. Goes out: an xarray.Dataset over alpha.
one_path.py    one path, by engine.py, or of any objective by objective_engine.py; several_paths.py   several
plane_through_three.py   the plane; cache.py, files.py   curves kept by content; as NetCDF and CSV
The error of a curve is estimated in `simulations.interpolation`; paths are in `simulations.line.paths`.
May import: interpolation, line, models, objectives, runtime, user_data, mli_theory.
"""

from simulations.curves.files import save_curve
from simulations.curves.logit_paths import logit_path
from simulations.curves.one_path import METHODS, interpolation_curves
from simulations.curves.plane_through_three import plane
from simulations.curves.several_paths import PathBetweenStates, curves_together
from simulations.curves.splits import split_curves

__all__ = [
    "METHODS",
    "PathBetweenStates",
    "curves_together",
    "interpolation_curves",
    "logit_path",
    "plane",
    "save_curve",
    "split_curves",
]
