"""The r-homogeneous-weight network (theory.md section 3), solved fast and to the end.

integrate.py   the flow: checked start (problem.py, reachability.py), mirror coordinates (mirror.py), one
               step (rosenbrock.py, linear.py), the adaptive driver in arrays (stepper.py) and in compiled
               loops (compiled.py, kernel.py), what a step did (progress.py), records (run.py, trajectory.py),
               the result (dataset.py) and what it is worth (accuracy.py)
descent.py     gradient descent beside it; curvature.py, what bounds its step
line.py        the straight line from start to end
"""

from simulations.gradient_flow.descent import descend
from simulations.gradient_flow.integrate import integrate
from simulations.gradient_flow.line import line
from simulations.gradient_flow.run import FlowError

__all__ = ["FlowError", "descend", "integrate", "line"]
