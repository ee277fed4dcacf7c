"""When each class is learned from a small positive diagonal start, and when the last escapes the bias.

The power model (r-homogeneous weights, x_j = e_j): weights W_jj > 0 on the diagonal, k classes, class
shares pi_j, degree r >= 3. Phi(w) = w^(2-r) / (r (r-2)) is the potential a weight still has to spend: it
falls at the rate G_jj and the weight is learned (W^r passes 1) when next to nothing of it is left.
Times are those of the gradient flow on the loss averaged over samples; gaps are in nats.
"""

from __future__ import annotations

import numpy as np
from flint import arb, ctx
from numpy.typing import ArrayLike, NDArray

from mli_theory.domain import DomainError, check_class_shares, check_degree, finite_array

__all__ = ["escape_gap", "escape_schedule", "potential"]

Floats = NDArray[np.float64]

_SMALL = 1e-150
_NEAR = 1e-10  # of the whole potential: what rounding can move a wait by, and more


def escape_schedule(
    diagonal: ArrayLike, degree: int, class_shares: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Time at which each class is learned, in the order of the input; inf for the class the bias fits (T9).

    While the classes U are unlearned the bias holds the class shares within U, so dPhi_j/dt =
    -pi_j (1 - pi_j / pi_U); the next class is the one of least Phi_j / rate, and the last has rate 0.
    For equal shares this is T_m = T_{m-1} + k (Phi_m - Phi_{m-1}) (k-m) / (k-m-1), Phi ascending.
    Classes of equal weight and equal share keep equal weights by symmetry and are learned together: where the
    last classes are tied in this way the bias prefers none of them, and no time is inf. Of classes that tie
    with unequal shares (two classes of equal weight) the larger share goes first: the bias holds the other;
    near a tie waits are compared to 1,200 digits, so that rounding decides none. inf also beyond float64.

    Leading order in the initial scale: the relative error is O(scale^(r-2)). Seen at k = 4, equal shares and
    r = 3, the worst class of 12 starts: 0.2 to 0.5 % (scale 1e-3), 1 to 3.3 % (1e-2), 7 to 14 % (0.1).
    The last class too escapes in the end, where the loss is followed past `escape_gap`: that is not in the
    schedule.

    Args:
        diagonal: (k,) initial W_jj > 0, k >= 2; off-diagonal weights are taken as negligible.
        degree: r >= 3.
        class_shares: (k,) positive, of sum 1; equal shares if None.

    Raises:
        DomainError: naming T9 and the value, for a degree below 3, a weight that is not positive or so small
            that its potential overflows, or shares that are not positive or do not sum to 1.

    Example:
        >>> import mli
        >>> mli.escape_schedule([0.3, 0.2, 0.1], degree=3).round(2).tolist()
        [5.0, 8.33, inf]
    """
    spent = potential(diagonal, degree, statement="T9")
    weights = np.asarray(diagonal, dtype=np.float64)
    shares = check_class_shares(class_shares, len(spent), statement="T9")
    times = _schedule_in_floats(spent, weights, shares)
    return _schedule_in_balls(weights, degree, shares) if times is None else times


def _schedule_in_floats(spent: Floats, weights: Floats, shares: Floats) -> Floats | None:
    """The times; None where rounding may decide a tie of classes of different shares, or floats overflow."""
    left, times = spent.copy(), np.full(len(spent), np.inf)
    members, now = np.arange(len(spent)), 0.0
    while len(members) > 1:
        rate = _falling_rates(shares[members])
        if rate.min() < _SMALL or left.max() > 1 / _SMALL:  # a wait may overflow
            return None
        wait = left[members] / rate
        nearest = int(np.argmin(wait))
        near = wait - wait[nearest] <= _NEAR * (spent[members] / rate + wait[nearest])
        if (shares[members][near] != shares[members[nearest]]).any():
            return None
        # Of equal shares the largest weight is first, also where rounding made or turned the order of waits.
        peers = np.flatnonzero(shares[members] == shares[members[nearest]])
        first = int(peers[np.argmax(weights[members[peers]])])
        # Equal weight and equal share is the one tie that rounding cannot make or break.
        tied = (weights[members] == weights[members[first]]) & (shares[members] == shares[members[first]])
        now += float(wait[first])
        left[members] = np.maximum(left[members] - rate * wait[first], 0.0)
        times[members[tied]] = now
        members = members[~tied]
    return times


def _schedule_in_balls(weights: Floats, degree: int, shares: Floats) -> Floats:
    """The same by balls of 1,200 digits: classes that they do not tell apart tie."""
    times = np.full(len(weights), np.inf)
    with ctx.workprec(4096):
        factor = arb(degree) * (degree - 2)
        left = {j: (arb(float(w)).log() * (2 - degree)).exp() / factor for j, w in enumerate(weights)}
        share = [arb(float(s)) for s in shares]
        now = arb(0)
        while len(left) > 1:
            total = sum((share[j] for j in left), arb(0))
            rate = {j: share[j] * (total - share[j]) / total for j in left}
            wait = {j: left[j] / rate[j] for j in left}
            least = min(wait.values(), key=lambda ball: ball.upper())
            near = [j for j in left if not wait[j] > least]
            first = max(near, key=lambda j: (shares[j], weights[j]))
            tied = [j for j in near if (shares[j], weights[j]) == (shares[first], weights[first])]
            now += wait[first]
            left = {j: _positive_part(left[j] - rate[j] * wait[first]) for j in left if j not in tied}
            times[tied] = float(now)  # inf beyond float64
    return times


def _positive_part(ball: arb) -> arb:
    return ball if ball > 0 else arb(0)


def escape_gap(diagonal: ArrayLike, degree: int) -> float:
    """Bias gap near which the last class escapes after all and the plateau law ends (T11, "Escape").

    (k / (k-1)) (Phi_last - Phi_before), the two largest potentials, equal class shares. For k = 2 the gap
    cannot pass this value by more than what is left of the learned class's potential (identity of T11');
    for k > 2 it is an estimate, 5 to 50 % low: escapes came later than it says. 0 when the two smallest
    weights are equal: no class is held by the bias.

    Args:
        diagonal: (k,) initial W_jj > 0, k >= 2.
        degree: r >= 3.

    Raises:
        DomainError: as `escape_schedule`, naming T11.
    """
    before, last = np.sort(potential(diagonal, degree, statement="T11"))[-2:]
    n_classes = len(np.asarray(diagonal))
    return float(n_classes / (n_classes - 1) * (last - before))


def potential(diagonal: ArrayLike, degree: int, *, statement: str) -> NDArray[np.float64]:
    """Phi(w) = w^(2-r) / (r (r-2)) of a (k,) array of positive weights, k >= 2, r >= 3.

    Raises:
        DomainError: naming `statement` and the value.
    """
    r = check_degree(degree, least=3, statement=statement)
    weights = finite_array("diagonal", diagonal, (None,), statement=statement)
    if len(weights) < 2:
        raise DomainError(f"{statement} needs at least 2 classes, got a diagonal of {len(weights)}")
    bad = np.flatnonzero(weights <= 0)
    if bad.size:
        raise DomainError(
            f"{statement} needs positive weights, but diagonal[{bad[0]}] = {weights[bad[0]]}: "
            "a class without a positive diagonal is not learned by it"
        )
    with np.errstate(over="ignore", under="ignore"):
        spent = weights ** (2.0 - r) / (r * (r - 2))
    over = np.flatnonzero(~np.isfinite(spent) | (spent < np.finfo(np.float64).tiny))
    if over.size:
        raise DomainError(
            f"{statement}: diagonal[{over[0]}] = {weights[over[0]]} to the power {2 - r} is beyond float64: "
            "use a weight nearer to 1 or a smaller degree"
        )
    return spent


def _falling_rates(shares: Floats) -> Floats:
    """-dPhi_j/dt of the unlearned classes; 1 - pi_j/pi_U is summed over the others, never subtracted."""
    zero = np.zeros(1)
    before = np.concatenate([zero, np.cumsum(shares[:-1])])
    after = np.concatenate([np.cumsum(shares[:0:-1])[::-1], zero])
    return np.asarray(shares * ((before + after) / shares.sum()))
