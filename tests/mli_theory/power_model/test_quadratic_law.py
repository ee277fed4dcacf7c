"""T11 at r = 2, k = 2: the scalar orbit against the full flow, the bounded gap, the vanishing plateau."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mli_theory import DomainError, quadratic_plateau_law
from tests.mli_theory.second_routes.reduced_flow import reduced_flow


@pytest.mark.parametrize("ratio", [1.1, 2.0, 20.0])
@pytest.mark.parametrize("eps", [1e-2, 1e-6, 1e-12])
def test_r_2_orbit_is_the_flow_at_any_scale(ratio, eps):
    for scale in (1e-3, 0.3):
        flow = reduced_flow([scale, scale / ratio], 2, eps, rtol=1e-11)
        law = quadratic_plateau_law(ratio, eps, init_scale=scale)
        assert law.beta == pytest.approx(flow.beta_min(2), rel=1e-6)
        assert law.bias_gap == pytest.approx(flow.gaps()[0], rel=1e-6)
    assert quadratic_plateau_law(ratio, eps).beta == pytest.approx(
        quadratic_plateau_law(ratio, eps, init_scale=1e-3).beta, rel=1e-5
    )


@settings(max_examples=25)  # each integrates an orbit
@given(ratio=st.floats(1.001, 1e4), exponent=st.floats(0.5, 250))
def test_r_2_gap_is_bounded_and_so_is_the_plateau(ratio, exponent):
    eps = 10.0**-exponent / 2
    law = quadratic_plateau_law(ratio, eps)
    assert 0 < law.bias_gap < np.log(ratio)
    assert law.beta <= np.log(ratio) / (np.log(ratio) - np.log(np.expm1(2 * eps))) + 1e-12
    assert law.plateau_end == law.beta


def test_r_2_bound_of_the_gap_is_reached_and_the_plateau_vanishes():
    laws = [quadratic_plateau_law(5.0, 10.0**-e) for e in (2, 8, 32, 128, 300)]
    betas = [float(law.beta) for law in laws]
    assert betas[-1] < 0.003 < betas[0]
    assert (np.diff([law.bias_gap for law in laws]) > 0).all()
    assert laws[-1].bias_gap > 0.998 * np.log(5.0)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ((1.0, 0.1), "weight_ratio > 1, got 1"),
        ((2.0, 0.0), "0 < final_loss < log 2, got 0"),
        ((2.0, 0.7), "0 < final_loss < log 2, got 0.7"),
        ((2.0, 0.1, -1.0), "init_scale > 0, got -1"),
        ((2.0, 0.1, 9.0), "init_scale = 9.0 starts below final_loss"),
        ((np.nan, 0.1), "weight_ratio must be finite"),
    ],
)
def test_bad_input_is_refused_with_its_value(arguments, shown):
    scale = {"init_scale": arguments[2]} if len(arguments) > 2 else {}
    with pytest.raises(DomainError, match=shown):
        quadratic_plateau_law(*arguments[:2], **scale)
