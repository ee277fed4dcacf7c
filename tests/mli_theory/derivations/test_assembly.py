"""T1 to T3 assembled: for k = 2, 3, 4 the whole statement is one closed sentence, whose negation z3 refutes.

The steps of a derivation are lemmas about one rival; that together they are the statement, with its minimum
and maximum over the rivals, the reader sees. Here a solver does, by real arithmetic and from nothing of
ours: the sentences are written out from theory.md. Each sentence is also broken, and then has a
counterexample.
"""

import pytest
import z3

SIZES = (2, 3, 4)


def unsatisfiable(*claims):
    solver = z3.Solver()
    solver.set("timeout", 60_000)  # of z3: an answer comes in well under a second, or the test says "unknown"
    solver.add(*claims)
    answer = solver.check()
    assert answer != z3.unknown, solver.reason_unknown()
    return answer == z3.unsat


def reals(names):
    return z3.Reals(" ".join(names))


def rivals(k):
    """d_i, c_i and q_i = c_i/d_i (where d_i is not 0) of the k - 1 rivals."""
    d, c, q = (reals(f"{name}{i}" for i in range(k - 1)) for name in "dcq")
    quotients = [
        z3.Implies(one != 0, quotient * one == other) for one, other, quotient in zip(d, c, q, strict=True)
    ]
    return d, c, q, quotients


def correct(d, c, beta):
    return z3.And([beta * one > other for one, other in zip(d, c, strict=True)])


def inside(d, c, q, beta, *, at_zero=True):
    """lo < beta < hi as T1 gives it, `at_zero`: with the rivals of d_i = 0, c_i >= 0 making it empty."""
    parts = [beta > 0]
    for one, other, quotient in zip(d, c, q, strict=True):
        parts += [z3.Implies(one > 0, quotient < beta), z3.Implies(one < 0, beta < quotient)]
        if at_zero:
            parts.append(z3.Implies(one == 0, other < 0))
    return z3.And(parts)


@pytest.mark.parametrize("k", SIZES)
def test_T1_a_sample_is_correct_exactly_on_its_open_interval(k):
    d, c, q, quotients = rivals(k)
    beta = z3.Real("beta")
    domain = [*quotients, beta > 0, beta <= 1]
    assert unsatisfiable(*domain, correct(d, c, beta) != inside(d, c, q, beta))
    assert not unsatisfiable(*domain, correct(d, c, beta) != inside(d, c, q, beta, at_zero=False))


@pytest.mark.parametrize("k", SIZES)
def test_T1_a_sample_correct_at_the_end_starts_where_its_larger_biases_say(k):
    """Correct at 1: hi > 1, and lo is the maximum of c_i/d_i over b_i > b_y (c_i > 0), each in (0, 1)."""
    d, c, q, quotients = rivals(k)
    beta = z3.Real("beta")
    at_the_end = [*quotients, correct(d, c, z3.RealVal(1))]
    low = z3.And([z3.Implies(other > 0, quotient < beta) for other, quotient in zip(c, q, strict=True)])
    assert unsatisfiable(*at_the_end, beta > 0, beta <= 1, correct(d, c, beta) != low)
    bounds = [
        z3.Implies(other > 0, z3.And(quotient > 0, quotient < 1))
        for other, quotient in zip(c, q, strict=True)
    ]
    assert unsatisfiable(*at_the_end, z3.Not(z3.And(bounds)))
    assert not unsatisfiable(*quotients, beta > 0, beta <= 1, correct(d, c, beta) != low)  # wrong at the end


@pytest.mark.parametrize("k", SIZES)
def test_T2_the_prediction_is_constant_exactly_up_to_beta_2(k):
    """Gaps g_i = b_i* - b_i > 0 and rises t_i = s_i - s_i*: i* leads iff beta < g_i/t_i wherever t_i > 0."""
    gap, rise, q = (reals(f"{name}{i}" for i in range(k - 1)) for name in ("g", "t", "q"))
    beta, least, steepest = z3.Reals("beta least steepest")
    ratios = [z3.Implies(t > 0, quotient * t == g) for g, t, quotient in zip(gap, rise, q, strict=True)]
    domain = [*ratios, *(g > 0 for g in gap), beta > 0]
    leads = z3.And([g > beta * t for g, t in zip(gap, rise, strict=True)])
    before = z3.And([z3.Implies(t > 0, beta < quotient) for t, quotient in zip(rise, q, strict=True)])
    assert unsatisfiable(*domain, leads != before)
    # beta_2 >= gap/S, gap the least of the gaps and S > 0 the largest rise.
    ends = [steepest > 0, *(least <= g for g in gap), *(steepest >= t for t in rise), least > 0]
    assert unsatisfiable(*domain, *ends, beta * steepest < least, z3.Not(leads))
    assert not unsatisfiable(*ratios, beta > 0, leads != before)  # without a unique largest bias


@pytest.mark.parametrize("k", SIZES)
def test_T3_a_sample_correct_now_and_at_the_end_is_correct_in_between(k):
    d, c, _, _ = rivals(k)
    now, later = z3.Reals("now later")
    order = [now > 0, now < later, later <= 1]
    wrong, wrong_later, wrong_end = (z3.If(correct(d, c, at), 0, 1) for at in (now, later, z3.RealVal(1)))
    assert unsatisfiable(*order, wrong_later - wrong > wrong_end)
    assert not unsatisfiable(*order, wrong_later > wrong)  # wrong at the end: the error may rise
    assert not unsatisfiable(now < later, later > 1, wrong_later - wrong > wrong_end)  # beyond the end


@pytest.mark.parametrize("k", SIZES)
def test_T3_two_samples_error_rises_by_no_more_than_the_error_at_the_end(k):
    now, later = z3.Reals("now later")
    total = 0
    for sample in "ab":
        d, c = (reals(f"{name}{sample}{i}" for i in range(k - 1)) for name in "dc")
        at = [z3.If(correct(d, c, place), 0, 1) for place in (now, later, z3.RealVal(1))]
        total += at[1] - at[0] - at[2]
    assert unsatisfiable(now > 0, now < later, later <= 1, total > 0)
