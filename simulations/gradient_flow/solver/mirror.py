"""The flow in its mirror coordinates: U_ij = phi(W_ij), dU_ij/dt = G_ij, V_ij = W_ij^r, D_ij = dV_ij/dU_ij.

T8 says why: in U the flow is du/dt = G with |G| <= 1, linear while a class waits, and the stiffness
sits in the map U -> V alone. The columns of U meet only through b, so one implicit stage costs a
rank-one solve a column and one (k, k) solve for b, never a (k^2 + k)^2 matrix.

Arrays have the batch last: U, V, G (class i, sample j, run m), b (class i, run m).
For odd degrees a negative weight keeps phi's sign: U > 0, V < 0, and D > 0 still holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simulations.gradient_flow.solver.linear import Linearised

__all__ = ["MirrorFlow", "Slope"]

Array = NDArray[np.float64]

_ONE = np.ones(())


@dataclass(frozen=True)
class Slope:
    """What one evaluation of the right-hand side yields.

    rate (k^2 + k, m) stacks dU/dt and db/dt; probability p (k, k, m); sensitivity D (k, k, m);
    margin (k, m) is z_jj minus the log-sum-exp of the other logits of sample j, -log(e^(l_j) - 1).
    """

    rate: Array
    probability: Array
    sensitivity: Array
    margin: Array


@dataclass(frozen=True)
class MirrorFlow:
    """The right-hand side of a batch of runs and the map to weights.

    sign (k, k, m): sign of V, +1 or -1, 0 where the weight is exactly 0 and stays there.
    weight_sign (k, k, m): sign of W. shares pi (k,).
    """

    degree: int
    sign: Array
    weight_sign: Array
    shares: Array
    train_bias: bool

    @classmethod
    def from_weights(
        cls, weights: Array, bias: Array, degree: int, shares: Array, train_bias: bool
    ) -> tuple[MirrorFlow, Array]:
        """The flow and its state (k^2 + k, m) at weights (m, k, k) and biases (m, k)."""
        m, k, _ = weights.shape
        w = np.ascontiguousarray(weights.transpose(1, 2, 0))
        weight_sign = np.sign(w)
        sign = weight_sign if degree % 2 else np.abs(weight_sign)
        size = np.where(w == 0, 1.0, np.abs(w))
        r = degree
        phi = 0.5 * np.log(size) if r == 2 else size ** (2.0 - r) / (r * (2.0 - r))
        mirrored = np.where(sign < 0, -phi, phi)
        state = np.concatenate([mirrored.reshape(k * k, m), bias.T])
        return cls(r, sign, weight_sign, shares, train_bias), state

    @cached_property
    def mixed(self) -> bool:
        """Whether some V is negative or exactly 0."""
        return bool((self.sign != 1).any())

    @property
    def n_classes(self) -> int:
        """K, the number of classes and of samples."""
        return len(self.sign)

    def select(self, runs: NDArray[np.bool_]) -> MirrorFlow:
        """The same flow for some of its runs."""
        return MirrorFlow(
            self.degree, self.sign[..., runs], self.weight_sign[..., runs], self.shares, self.train_bias
        )

    def split(self, state: Array) -> tuple[Array, Array]:
        """U (k, k, m) and b (k, m) as views of the state."""
        k = self.n_classes
        return state[: k * k].reshape(k, k, -1), state[k * k :]

    def weights(self, state: Array) -> Array:
        """W (k, k, m), signs and exact zeros as in the start."""
        mirrored, _ = self.split(state)
        r = self.degree
        with np.errstate(over="ignore"):  # of zero weights, whose U means nothing
            if r == 2:
                size = np.exp(2.0 * mirrored)
            else:
                size = (r * (r - 2.0) * np.abs(mirrored)) ** (-1.0 / (r - 2.0))
        return np.where(self.sign == 0, 0.0, self.weight_sign * size)

    def signal(self, state: Array) -> tuple[Array, Array]:
        """V = W^r and D = dV/dU = r^2 |W|^(2r-2), each (k, k, m); nan where a step left phi's range."""
        power, inverse = self._power(state)
        return power, (self.degree**2 * self.sign) * inverse * power

    def _power(self, state: Array) -> tuple[Array, Array]:
        """V, and X with D = r^2 X |V|."""
        k, r = self.n_classes, self.degree
        mirrored = state[: k * k].reshape(k, k, -1)
        if r == 2:
            return np.exp(4.0 * mirrored) * self.sign, _ONE
        # Negative where U has crossed 0, that is where the weight would have passed infinity.
        inverse = self.sign / (mirrored * (-r * (r - 2.0)))
        if r == 4:
            power = np.sqrt(inverse)
            np.multiply(power, power, out=power)
        else:
            power = inverse ** (2.0 / (r - 2.0) if r > 3 else 1.5)
            if r == 3:
                np.multiply(power, power, out=power)
        if r > 3:
            power *= inverse
        if self.mixed:
            power *= self.sign
        return power, inverse

    def rate(self, state: Array) -> Array:
        """Right-hand side (k^2 + k, m) alone; 1 - p_jj is summed over the other classes, never subtracted."""
        k = self.n_classes
        mass, _ = self._power(state)
        mass += state[k * k :, None]
        mass -= np.maximum.reduce(mass, axis=0)
        np.exp(mass, out=mass)
        flat = mass.reshape(k * k, -1)
        label_mass = flat[:: k + 1].copy()
        flat[:: k + 1] = 0.0
        others = np.add.reduce(mass, axis=0)
        mass *= -self.shares[:, None] / (others + label_mass)
        flat[:: k + 1] = -np.add.reduce(mass, axis=0)
        rate = np.empty_like(state)
        rate[: k * k] = flat
        if self.train_bias:
            np.add.reduce(mass, axis=1, out=rate[k * k :])
        else:
            rate[k * k :] = 0.0
        return rate

    def slope(self, state: Array) -> Slope:
        """The right-hand side at a state; 1 - p_jj is summed over the other classes, never subtracted."""
        k = self.n_classes
        power, sensitivity = self.signal(state)
        logits = power + state[k * k :, None]
        logits -= logits.max(axis=0)
        label_logit = logits.reshape(k * k, -1)[:: k + 1].copy()
        mass = np.exp(logits)
        flat = mass.reshape(k * k, -1)
        flat[:: k + 1] = 0.0
        others = np.add.reduce(mass, axis=0)
        label_mass = np.exp(label_logit)
        total = others + label_mass
        mass /= total
        rate = np.empty_like(state)
        rates = rate[: k * k].reshape(k, k, -1)
        np.multiply(mass, -self.shares[:, None], out=rates)
        rate[: k * k : k + 1] = self.shares[:, None] * (others / total)
        rate[k * k :] = rates.sum(axis=1) if self.train_bias else 0.0
        flat[:: k + 1] = label_mass / total
        with np.errstate(divide="ignore"):
            margin = label_logit - np.log(others)
        return Slope(rate, mass, sensitivity, margin)

    def losses(self, margin: Array) -> Array:
        """Training loss (m,) from the margins: mean over samples of log(1 + e^-margin)."""
        losses: Array = (self.shares[:, None] * np.logaddexp(0.0, -margin)).sum(axis=0)
        return losses

    def linearise(self, slope: Slope, step: Array) -> Linearised:
        """(I - step J) ready to be solved; step (m,) is h gamma."""
        scaled = self.shares[:, None] * step
        return Linearised.build(slope.probability, slope.sensitivity, scaled, self.train_bias)
