"""Hypothesis strategies for one's own claims about the line and the plateau.

    from hypothesis import given
    from mli import plateau
    from mli.testing import homogeneous_problems

    @given(homogeneous_problems(ties=False))
    def test_my_claim(problem):
        assert plateau(*problem).end > 0

Numbers and arrays: `logits`, `signals`, `biases`, `labels`, `degrees`.
The homogeneous path: `homogeneous_problems`.
Networks and their lines: `network_shapes`, `network_lines`.
The power model: `power_model_states`, `diagonal_starts`, `gaussian_starts`, `sign_patterns`,
`power_model_lines`.
Curves and runs: `curves`, `run_specs`.

Every strategy shrinks to a small case, has the edges of its domain among its values (ties, zeros, the
smallest and largest floats where they are allowed), and draws nothing from a global random state. How to:
docs/how_to_test_your_own_claim.md. Hypothesis comes with the extra `testing`.
"""

from importlib.util import find_spec as _find_spec

from mli_theory.lazy_names import attach as _attach

if _find_spec("hypothesis") is None:
    raise ModuleNotFoundError(
        "mli.testing needs Hypothesis: install the extra, pip install 'mli-plateau[testing]'",
        name="hypothesis",
    )

__getattr__, __dir__, __all__ = _attach(__name__, __file__)
