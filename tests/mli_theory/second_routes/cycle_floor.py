"""What the samples of one cycle of the sign graph add to the loss at least, by its dual: T12b's second route.

Around a cycle of edges the margins m_j sum to at most 0. With l(m) = log(1 + e^-m) <= l_j, any lambda in
[0, min pi_j] and q_j = lambda / pi_j,
    sum pi_j l(m_j) >= sum (pi_j l(m_j) + lambda m_j) >= sum pi_j (-q_j log q_j - (1 - q_j) log(1 - q_j)):
the first since lambda sum m_j <= 0, the second since pi l(m) + lambda m, convex in m, is least where
1 / (1 + e^m) = q. The best lambda makes it the least of sum pi_j l(m_j) over sum m_j <= 0.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit


def cycle_floor(shares):
    """What the samples of one cycle add to the loss at least, nats; shares (length,) are theirs (T12)."""
    ratio = shares / shares.min()
    with np.errstate(divide="ignore"):  # log 0 at the smallest share
        excess = np.log(ratio - 1.0)

    def margins(smallest):
        """log(pi_j / lambda - 1), where q = lambda / pi_j, from its value at the smallest share."""
        return np.logaddexp(excess, np.log(ratio) + smallest)

    # lambda is best where these sum to 0: log(2 ratio - 1) >= 0 each at 0, and below 0 at the other end.
    other_end = -(len(shares) - 1) * np.log(2.0 * ratio.max())
    best = margins(brentq(lambda smallest: margins(smallest).sum(), other_end, 0.0))
    # The entropy of q = 1 / (1 + e^m) without subtraction: -log q = log(1 + e^m).
    entropy = expit(-best) * np.logaddexp(0.0, best) + expit(best) * np.logaddexp(0.0, -best)
    return float(shares @ entropy)
