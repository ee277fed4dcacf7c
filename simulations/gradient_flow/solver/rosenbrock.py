"""One step of Rodas5P, the stiffly accurate L-stable Rosenbrock-Wanner method of order 5(4), 8 stages.

Coefficients: G. Steinebach, Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks
within the Julia Differential Equations package, BIT Numer. Math. 63, 27 (2023). The flow is autonomous,
so the time coefficients are not needed. tests/simulations/gradient_flow/test_gradient_flow_step.py measures
the order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["ERROR_ORDER", "GAMMA", "MEMORIES", "RATES_A_STEP", "SHIFTS", "StepMatrix", "rodas5p_step"]

Array = NDArray[np.float64]

ERROR_ORDER = 5  # the error estimate is O(h^5)

GAMMA = 0.21193756319429014
_A_LAST = [
    -7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946,
]  # fmt: skip
_A = [
    np.array(row)
    for row in (
        [3.0],
        [2.849394379747939, 0.45842242204463923],
        [-6.954028509809101, 2.489845061869568, -10.358996098473584],
        [2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641],
        _A_LAST,
        [*_A_LAST, 1.0],
        [*_A_LAST, 1.0, 1.0],
    )
]
_C = [
    np.array(row)
    for row in (
        [-14.155112264123755],
        [-17.97296035885952, -2.859693295451294],
        [147.12150275711716, -1.41221402718213, 71.68940251302358],
        [165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306],
        [24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471],
        [
            30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783,
            -19.097331116725623, -28.087943162872662,
        ],
        [
            37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047,
            -40.06618937091002, -54.66780262877968, -9.48861652309627,
        ],
    )
]  # fmt: skip
_A_AND_C = [np.stack(pair) for pair in zip(_A, _C, strict=True)]
_STAGES = len(_A) + 1
RATES_A_STEP = _STAGES - 1
# Row n - 1: what the stages before stage n add to its state, and to its right-hand side; 0 beyond them.
SHIFTS, MEMORIES = (
    np.stack([np.pad(row, (0, RATES_A_STEP - len(row))) for row in rows]) for rows in (_A, _C)
)


class StepMatrix(Protocol):
    """(I - GAMMA h J) at the start of the step, ready to be solved."""

    def solve(self, kept: Array, moved: Array) -> Array:
        """X (n, m) with (I - GAMMA h J) x = kept + moved; moved is a multiple of the rate at some state."""


def rodas5p_step(
    rate: Callable[[Array], Array], matrix: StepMatrix, state: Array, start_rate: Array, h: Array | float
) -> tuple[Array, Array]:
    """The state after a step h (m,) from `state` (n, m), and its error estimate (n, m).

    rate is the right-hand side, start_rate its value at `state`; it is called RATES_A_STEP times.

    Each run of the batch has its own h; a state (n,) is one run.

    Linear invariants of the flow are kept to rounding.
    """
    size = state.size
    stages = np.empty((_STAGES, *state.shape))
    flat = stages.reshape(_STAGES, size)
    stages[0] = matrix.solve(np.zeros_like(state), (GAMMA * h) * start_rate)
    for n in range(1, _STAGES):
        shift, memory = (_A_AND_C[n - 1] @ flat[:n]).reshape(2, *state.shape)
        at = state + shift
        stages[n] = matrix.solve(GAMMA * memory, (GAMMA * h) * rate(at))
    return at + stages[-1], stages[-1]
