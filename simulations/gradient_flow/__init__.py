"""The r-homogeneous-weight network (theory.md section 3), solved fast and to the end."""

from simulations.gradient_flow.integrate import integrate
from simulations.gradient_flow.stepper import FlowError

__all__ = ["FlowError", "integrate"]
