"""Signs of weights from which the flow can reach any loss."""

from simulations.gradient_flow.solver.reachability import sign_cycle


def signs_without_a_cycle(rng, k, degree):
    """(k, k) at random; while the signs of W^r have a cycle (T12), a class of it gets W_jj > 0."""
    signs = rng.choice([-1.0, 1.0], (k, k))
    while (cycle := sign_cycle(signs**degree)) is not None:
        signs[cycle[0], cycle[0]] = 1.0
    return signs
