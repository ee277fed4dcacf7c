"""The page's formulas beside mli_theory, on 1,000 random cases and on the edges by name.

Where two routes round differently they are held to a few times their rounding, never to a looser figure:
an end of an interval is one division and one root (1e-14 relative); a sample's loss has relative error
2^-52 (5 + size of its logits), here at most 1,000 (1e-12); T4's sums and T11's equations are conditioned
like 1 / (distance to where they cease to hold), of which the cases keep clear (1e-9 and 1e-10). Counts and
which case applies are exact.
"""

import itertools
import math

import numpy as np
import pytest

from mli_theory import (
    DomainError,
    correct_interval,
    largest_admissible_loss,
    loss_bump,
    plateau,
    plateau_law,
    predict_curves,
)
from simulations.runtime.random_streams import numpy_stream
from tests.mli_theory.second_routes.exact_path import telling_alphas
from tests.validation.helpers.page_formulas import PageFormulas, RefusedError
from validation.metrics.curve_shape import plateau_end

N_CASES = 1000
PATHS = ("linear", "homogeneous", "none")


@pytest.fixture(scope="module")
def page():
    return PageFormulas()


def random_problems(purpose, *, balanced=False, least_degree=2):
    """Signals, biases, labels, degrees; every third has ties, every fifth equal or no biases."""
    draw = numpy_stream(0, purpose)
    for case in range(N_CASES):
        k = int(draw.integers(2, 9))
        labels = np.repeat(np.arange(k), draw.integers(1, 3)) if balanced else draw.integers(0, k, 6)
        scale, gap_scale = 10 ** draw.uniform(-2, 2, 2)
        signal, bias = scale * draw.normal(size=(len(labels), k)), gap_scale * draw.normal(size=k)
        signal[np.arange(len(labels)), labels] += scale * draw.uniform(0, 4, len(labels))
        if case % 3 == 0:
            signal, bias = np.round(4 * signal / scale), np.round(4 * bias / gap_scale)
        if case % 5 == 0:
            bias[:] = bias[0] if case % 10 else 0.0
        yield signal, bias, labels, int(draw.integers(least_degree, 20))


def arguments(*values):
    return [value.tolist() if isinstance(value, np.ndarray) else value for value in values]


def test_loss_and_error_are_those_of_the_theory(page):
    draw = numpy_stream(0, "alphas of the page's cases")
    cases, expected = [], []
    for i, (signal, bias, labels, degree) in enumerate(random_problems("the page's curves")):
        # Ties themselves, the floats beside them, both ends of the line, and alphas between.
        ties = telling_alphas(*correct_interval(signal, bias, labels, degree))
        alphas = np.concatenate([[0.0, 1.0], draw.choice(ties, 9), draw.uniform(size=5)])
        cases.append(arguments(signal, bias, labels, degree, alphas, PATHS[i % 3]))
        expected.append(predict_curves(signal, bias, labels, degree, alphas, PATHS[i % 3]))
    for found, curves in zip(page.each("predictCurves", cases), expected, strict=True):
        np.testing.assert_array_equal(found["error"], curves.error)
        np.testing.assert_allclose(found["loss"], curves.loss, rtol=1e-12, atol=0)
        np.testing.assert_array_equal(found["alphas"], curves.alphas)
    assert len(cases) == N_CASES


def test_correct_intervals_are_those_of_the_theory(page):
    cases, expected = [], []
    for signal, bias, labels, degree in random_problems("the page's intervals"):
        lo, hi = correct_interval(signal, bias, labels, degree)
        cases.append(arguments(signal[0], bias, int(labels[0]), degree))
        expected.append((lo[0], hi[0]))
    found = page.each("correctInterval", cases)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0)  # nan and inf at the same places
    assert {"never", "from somewhere", "to somewhere"} == {
        "never" if math.isnan(lo) else "to somewhere" if hi < math.inf else "from somewhere"
        for lo, hi in expected
    }


def test_the_plateau_is_that_of_the_theory(page):
    cases, expected = [], []
    for signal, bias, labels, degree in random_problems("the page's plateau"):
        cases.append(arguments(signal, bias, labels, degree))
        try:
            expected.append(plateau(signal, bias, labels, degree))
        except DomainError:
            expected.append(None)
    for case, found, theory in zip(cases, page.each("plateau", cases), expected, strict=True):
        if theory is None:
            assert "T2 needs a unique largest bias" in str(found)
            continue
        assert found["end"] == pytest.approx(theory.end, rel=1e-14, abs=0)
        assert (found["error"], found["majorityClass"]) == (theory.error, theory.majority_class)
        lo, hi = correct_interval(*case)
        others = np.array(case[2]) != theory.majority_class
        if np.isinf(hi).all():
            assert found["errorEnd"] == pytest.approx(lo[others].min(initial=math.inf), rel=1e-14, abs=0)
        else:
            assert math.isnan(found["errorEnd"])
    assert 100 < sum(theory is None for theory in expected) < 500


@pytest.mark.filterwarnings(r"ignore:T4 \(the bump\) is good where:UserWarning")  # numbers are compared
def test_the_bump_is_that_of_the_theory(page):
    cases, expected = [], []
    for i, (signal, bias, labels, degree) in enumerate(
        random_problems("the page's bump", balanced=True, least_degree=3)
    ):
        cases.append([*arguments(signal, bias, labels, degree), bool(i % 2)])
        try:
            expected.append(loss_bump(signal, bias, labels, degree, next_order=bool(i % 2)))
        except DomainError:
            expected.append(None)
    for case, found, theory in zip(cases, page.each("lossBump", cases), expected, strict=True):
        if theory is None:
            assert isinstance(found, RefusedError)
            continue
        # The next order is a difference of terms of the size of the leading one: held to that size.
        leading = loss_bump(*case[:4])
        assert found["alpha"] == pytest.approx(theory.alpha, rel=0, abs=1e-9 * leading.alpha)
        assert found["height"] == pytest.approx(theory.height, rel=0, abs=1e-9 * leading.height)
        assert found["smallParameter"] == pytest.approx(theory.small_parameter, rel=1e-9, abs=0)
    assert sum(theory is not None for theory in expected) > 300


def test_the_plateau_law_is_that_of_the_theory(page):
    draw = numpy_stream(0, "the page's plateau law")
    for regime, next_order in itertools.product(("small_scale", "small_loss"), (False, True)):
        n = N_CASES // 4
        k, r = draw.integers(2, 12, n) ** draw.integers(1, 4, n), draw.integers(3, 30, n)
        largest = largest_admissible_loss(k, r, regime, next_order=next_order)
        # From 0.9 of the largest loss, near which the law is badly conditioned, down to 1e-300.
        fall = draw.uniform(0, np.where(np.arange(n) % 5, 12, 300))
        loss = largest * 0.9 * 10**-fall
        law = plateau_law(k, r, loss, regime, next_order=next_order)
        rest = [regime, next_order]
        found = page.each("plateauLaw", [[*case, *rest] for case in zip(*arguments(k, r, loss), strict=True)])
        for key, theory in zip(
            ("biasGap", "signal", "beta", "plateauEnd"),
            (law.bias_gap, law.signal, law.beta, law.plateau_end),
            strict=True,
        ):
            np.testing.assert_allclose([f[key] for f in found], theory, rtol=1e-10, atol=0)
        cases = list(zip(*arguments(k, r), strict=True))
        limits = page.each("largestAdmissibleLoss", [[*case, *rest] for case in cases])
        np.testing.assert_allclose(limits, largest, rtol=1e-10, atol=0)
        above = [[*case, 1.0001 * limit, *rest] for case, limit in zip(cases, limits, strict=True)]
        assert all(isinstance(answer, RefusedError) for answer in page.each("plateauLaw", above))


def test_the_plateaus_end_is_the_metric_that_judges(page):
    draw = numpy_stream(0, "the page's metric")
    cases = []
    for i in range(N_CASES):
        values = draw.normal(size=9) - np.linspace(0, 3 * (i % 4), 9)
        if i % 7 == 0:
            values = np.round(values)
        cases.append([np.linspace(0, 1, 9).tolist(), values.tolist(), (0.1, 0.5, 1.0)[i % 3]])
    expected = [plateau_end(*case) for case in cases]
    np.testing.assert_allclose(page.each("plateauEnd", cases), expected, rtol=1e-14, atol=0)


# The edges, by name.


def test_a_tie_is_an_error_and_the_floats_beside_it_are_judged_exactly(page):
    third = 1 / 3  # below one third, so the tie of 3 beta = 1 lies above it
    above = math.nextafter(third, 1)
    curves = page("predictCurves", [[3.0, 0.0]], [0.0, 1.0], [0], 2, [third, above])
    assert curves["error"] == [1, 0]
    curves = page("predictCurves", [[4.0, 0.0]], [0.0, 1.0], [0], 3, [0.5, math.nextafter(0.5, 1)])
    assert curves["error"] == [1, 0]  # the tie is the float itself


def test_at_alpha_0_all_logits_tie(page):
    for path in PATHS:
        curves = page("predictCurves", [[5.0, 0.0, 0.0]], [0.0, 0.0, 0.0], [0], 2, [0.0, 5e-324], path)
        assert curves["loss"][0] == pytest.approx(math.log(3), rel=1e-15)
        assert curves["error"] == [1, 0]


def test_without_a_gap_there_is_no_plateau_to_tell_of(page):
    with pytest.raises(RefusedError, match="unique largest bias"):
        page("plateau", [[1.0, 0.0], [0.0, 1.0]], [2.0, 2.0], [0, 1], 3)
    assert page("correctInterval", [1.0, 0.0], [2.0, 2.0], 0, 3) == [0, math.inf]
    bump = page("lossBump", [[1.0, 0.0], [0.0, 1.0]], [2.0, 2.0], [0, 1], 3)
    assert bump == {"alpha": 0, "height": 0, "smallParameter": 0}


def test_degree_2_is_the_least(page):
    assert page("correctInterval", [4.0, 0.0], [0.0, 1.0], 0, 2) == [0.25, math.inf]
    for name, least, statement in (("plateau", 2, "T2"), ("lossBump", 3, "T4"), ("predictCurves", 2, "T1")):
        message = f"{statement}.* needs an integer degree >= {least}, got {least - 1}"
        with pytest.raises(RefusedError, match=message):
            page(name, [[1.0, 0.0], [0.0, 1.0]], [1.0, 0.0], [0, 1], least - 1, [0.5])
    with pytest.raises(RefusedError, match="degree >= 3, got 2"):
        page("plateauLaw", 4, 2, 1e-3)


def test_t2s_example_of_a_plateau_that_outlives_the_prediction(page):
    signal, bias = [[4.0, 1.0, -9.0], [-1.0, 2.0, -4.0], [-5.0, 8.0, 8.0]], [-3.0, -2.0, -1.0]
    found = page("plateau", signal, bias, [0, 1, 2], 2)
    assert found["end"] == pytest.approx(1 / 10, rel=1e-15)
    assert found["errorEnd"] == pytest.approx(1 / 6, rel=1e-15)


def test_a_loss_far_below_the_rounding_of_1_keeps_its_digits(page):
    (loss,) = page("predictCurves", [[80.0, 0.0]], [0.0, 0.0], [0], 2, [1.0])["loss"]
    assert loss == pytest.approx(math.exp(-80), rel=1e-13)
    (loss,) = page("predictCurves", [[-2000.0, 0.0]], [0.0, 0.0], [0], 2, [1.0])["loss"]
    assert loss == 2000


def test_unbalanced_classes_have_no_bump(page):
    with pytest.raises(RefusedError, match="balanced"):
        page("lossBump", [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [1.0, 0.0], [0, 0, 1], 3)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_refused(page, bad):
    source = f"formulas.plateau([[1, {'NaN' if bad != bad else 'Infinity'}]], [1, 0], [0], 3)"
    with pytest.raises(Exception, match="finite"):
        page.context.eval(source)


# The explorer's network.


def network(page, **changes):
    sliders = {"nClasses": 4, "signal": 12, "signalSpread": 0.5, "biasGap": 3, "biasSpread": 2} | changes
    return page("exampleNetwork", sliders)


def test_the_explorers_network_is_what_its_sliders_say(page):
    made = network(page)
    bias, signal, labels = (np.array(made[key]) for key in ("bias", "signal", "labels"))
    assert bias.sum() == pytest.approx(0, abs=1e-14)
    np.testing.assert_allclose(bias - bias[3], [-5, -4, -3, 0], rtol=1e-14)
    own = signal[np.arange(32), labels]
    assert 6 < own.min() < 6.5 < 11.5 < own.max() < 12
    assert np.count_nonzero(signal) == 32
    np.testing.assert_array_equal(np.bincount(labels), [8] * 4)
    # The class before the last overtakes first, with its largest signal: T2.
    assert page("plateau", made["signal"], made["bias"], made["labels"], 3)["end"] == pytest.approx(
        math.sqrt(3 / own.max()), rel=1e-14
    )


@pytest.mark.parametrize(("regime", "spread"), [("small_loss", 0), ("small_scale", 30)])
def test_a_network_held_by_its_bias_is_the_plateau_laws(page, regime, spread):
    # To leading order in the loss; law (a) where the classes before the last two are far behind in bias.
    law = plateau_law(5, 4, 1e-6, regime)
    sliders = {"signal": law.signal, "signalSpread": 0, "biasGap": law.bias_gap, "biasSpread": spread}
    made = network(page, nClasses=5, heldByBias=True, **sliders)
    end = predict_curves(made["signal"], made["bias"], made["labels"], 4, [1.0])
    assert end.loss[0] == pytest.approx(1e-6, rel=1e-3)
    assert end.error[0] == 0
    found = page("plateau", made["signal"], made["bias"], made["labels"], 4)
    assert found["end"] == pytest.approx(law.plateau_end, rel=1e-12)
    assert not np.any(made["signal"][-8:])


@pytest.mark.parametrize("final_loss", [1.0, 1e-2, 1e-12])
def test_logits_are_scaled_to_the_final_loss(page, final_loss):
    made = network(page)
    scale = page("logitScale", made["signal"], made["bias"], made["labels"], final_loss)
    signal, bias = scale * np.array(made["signal"]), scale * np.array(made["bias"])
    end = predict_curves(signal, bias, made["labels"], 3, [1.0])
    assert end.loss[0] == pytest.approx(final_loss, rel=1e-13)


def test_a_network_that_ends_wrong_has_no_such_scale(page):
    made = network(page, signal=1)
    with pytest.raises(RefusedError, match="24 samples end wrong"):
        page("logitScale", made["signal"], made["bias"], made["labels"], 0.1)
