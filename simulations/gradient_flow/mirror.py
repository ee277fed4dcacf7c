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

__all__ = ["Linearised", "MirrorFlow", "Slope"]

Array = NDArray[np.float64]

# Above this diagonal of I + h gamma L the accurate (slower) elimination takes over from LAPACK.
_LAPACK_LIMIT = 1e6
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
        return Linearised.build(slope, self.shares[:, None] * step, self.train_bias)


@dataclass(frozen=True)
class Linearised:
    """(I - h gamma J) x = rhs at one state, by one rank-one solve a column and one (k, k) solve for b.

    With a_j = h gamma pi_j and A_j = diag(p_j) - p_j p_j' the columns read
    x_j + a_j A_j (D_j x_j + x_b) = r_j, which is x_j = r_j - a_j L_j (D_j r_j + x_b) with the weighted
    Laplacian L_j = diag(w_j) - w_j w_j'/sum(w_j), w = p/(1 + a p D) > 0: nothing cancels. Summing
    the columns leaves (I + sum_j a_j L_j) x_b = r_b - sum_j a_j L_j D_j r_j.

    Late in a wait h is 1e30 and rounding in r_b, 1e-17 h, would move the mean bias of the classes
    not yet learned by whole nats. But sum_i x_b = 0 (T8 iii), where I is the Laplacian of
    the complete graph with links 1/k: the system is a pure Laplacian, the row of its best
    connected class follows from the others and is dropped, and that class is the zero of potential.
    """

    conductance: Array  # a_j w_ij (k, k, m)
    share: Array  # w_ij / sum_l w_lj (k, k, m)
    sensitivity: Array
    inverse: Array | None  # biases from their right-hand side, (k, k, m); None where they are held

    @classmethod
    def build(cls, slope: Slope, scaled: Array, train_bias: bool) -> Linearised:
        """From the slope and a (k, m)."""
        p, d = slope.probability, slope.sensitivity
        conductance = scaled * p
        denominator = conductance * d
        denominator += 1.0
        conductance /= denominator
        share = conductance / conductance.sum(axis=0)
        inverse = _grounded_inverse(conductance, share) if train_bias else None
        return cls(conductance, share, d, inverse)

    def solve(self, rhs: Array) -> Array:
        """X (k^2 + k, m) for a right-hand side of that shape."""
        k, _, runs = self.share.shape
        out = np.empty_like(rhs)
        columns = rhs[: k * k].reshape(k, k, runs)
        driven = self.sensitivity * columns
        if self.inverse is None:
            out[k * k :] = rhs[k * k :]
        else:
            pulled = rhs[k * k :] - np.add.reduce(self._laplacian(driven), axis=1)
            potential = np.add.reduce(self.inverse * pulled, axis=1)
            out[k * k :] = potential - np.add.reduce(potential, axis=0) / k
            driven += out[k * k :, None]
        np.subtract(columns, self._laplacian(driven), out=out[: k * k].reshape(k, k, runs))
        return out

    def _laplacian(self, q: Array) -> Array:
        # Relative to the label's entry: late in training its share is 1 - 1e-12, and q_jj minus
        # the mean of q would be lost in rounding.
        k, _, runs = q.shape
        shifted = q - q.reshape(k * k, runs)[:: k + 1]
        shifted -= np.add.reduce(self.share * shifted, axis=0)
        shifted *= self.conductance
        return shifted


def _grounded_inverse(conductance: Array, share: Array) -> Array:
    """Inverse of the Laplacian of I + sum_j (diag(c_j) - c_j s_j') with its best connected class grounded.

    (k, k, m); row and column of the grounded class are 0.
    """
    k, _, runs = share.shape
    links = np.matmul(conductance.transpose(2, 0, 1), share.transpose(2, 1, 0))
    links += 1.0 / k
    index = np.arange(k)
    links[:, index, index] = 0.0
    diagonal = links.sum(axis=2)
    ground = diagonal.argmax(axis=1)
    out = np.empty((k, k, runs))
    stiff = diagonal.max(axis=1) > _LAPACK_LIMIT
    if not stiff.all():
        easy = np.flatnonzero(~stiff)
        matrix = -links[easy]
        matrix[:, index, index] = diagonal[easy]
        row = np.arange(len(easy))
        matrix[row, ground[easy]] = 0.0
        matrix[row, :, ground[easy]] = 0.0
        matrix[row, ground[easy], ground[easy]] = 1.0
        inverse = np.linalg.inv(matrix)
        inverse[row, ground[easy], ground[easy]] = 0.0
        out[:, :, easy] = inverse.transpose(1, 2, 0)
    if stiff.any():
        out[:, :, stiff] = _entrywise_inverse(links[stiff].transpose(1, 2, 0), ground[stiff])
    return out


def _entrywise_inverse(links: Array, ground: NDArray[np.int64]) -> Array:
    """The same inverse by elimination without a subtraction, links (k, k, m) >= 0, ground (m,).

    Every entry has a small relative error whatever the condition number (GTH elimination with the
    row excess carried along), where LAPACK's error is relative to the largest entry.
    """
    k, _, runs = links.shape
    run = np.arange(runs)
    b = np.array(links)
    excess = b[:, ground, run]
    b[:, ground, run] = 0.0
    b[ground, :, run] = 0.0
    excess[ground, run] = 1.0
    result = np.zeros((k, k, runs))
    result[np.arange(k), np.arange(k)] = 1.0
    result[ground, ground, run] = 0.0
    pivots = np.empty((k, runs))
    for n in range(k):
        pivots[n] = excess[n] + b[n, n + 1 :].sum(axis=0)
        factor = b[n + 1 :, n] / pivots[n]
        b[n + 1 :, n + 1 :] += factor[:, None] * b[n, n + 1 :]
        excess[n + 1 :] += factor * excess[n]
        result[n + 1 :] += factor[:, None] * result[n]
    for n in range(k - 1, -1, -1):
        if n + 1 < k:
            result[n] += (b[n, n + 1 :, None] * result[n + 1 :]).sum(axis=0)
        result[n] /= pivots[n]
    return result
