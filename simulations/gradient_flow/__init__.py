"""The power model's gradient flow (theory.md section 3), solved fast and to the end.

Comes in: initial weights (n_classes, n_classes) and a degree. Goes out: an xarray.Dataset over time.
integration.py   the flow from a start that problem.py checks, by `solver/`; accuracy.py   how good it is
descent.py       gradient descent beside it; curvature.py   what bounds its step
flow_line.py     the straight line from start to end; dataset.py, exchangeable.py   the result, and its ties
May import: mli_theory, runtime.
"""

from simulations.gradient_flow.descent import descend
from simulations.gradient_flow.flow_line import line
from simulations.gradient_flow.integration import integrate
from simulations.gradient_flow.solver.run import FlowError

__all__ = ["FlowError", "descend", "integrate", "line"]
