"""mli.testing: what each strategy promises of its draws, and the word where Hypothesis is missing."""

import inspect
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import mli.testing
from mli.testing import (
    biases,
    curves,
    degrees,
    diagonal_starts,
    gaussian_starts,
    homogeneous_problems,
    labels,
    logits,
    network_lines,
    power_model_lines,
    power_model_states,
    run_specs,
    sign_patterns,
    signals,
)
from tests.helpers.paths import ROOT

FEW = settings(max_examples=25)


def ends(problem):
    return [[Fraction(s) + Fraction(float(b)) for s, b in zip(row, problem.bias, strict=True)]
            for row in problem.signal.tolist()]  # fmt: skip


def is_correct(end, label):
    return all(end[label] > z for i, z in enumerate(end) if i != label)


@FEW
@given(st.data(), st.sampled_from([None, True, False]), st.sampled_from([None, True, False]))
def test_a_homogeneous_problem_keeps_what_was_asked_of_it(data, ties, correct):
    problem = data.draw(homogeneous_problems(max_classes=4, ties=ties, correct_at_end=correct))
    n, k = problem.signal.shape
    assert (problem.bias.shape, problem.labels.shape) == ((k,), (n,))
    assert np.isfinite(problem.signal).all()
    assert problem.degree >= 2
    tied_bias = len(set(problem.bias.tolist())) < k
    tops = [sorted(end)[-2:] for end in ends(problem)]
    if ties:
        assert tied_bias or any(first == second for first, second in tops)
    if ties is False:
        assert not tied_bias
        assert all(len(set(end)) == k for end in ends(problem))
    right = [is_correct(end, label) for end, label in zip(ends(problem), problem.labels, strict=True)]
    if correct is not None:
        assert all(right) == correct


@pytest.mark.parametrize(
    ("strategy", "wanted"),
    [
        (logits("any"), lambda x: x == 5e-324),
        (logits("any"), lambda x: x == 1e308),
        (signals(2, 3), lambda s: len(np.unique(s)) == 1),
        (biases(3), lambda b: b[0] == b[1] > b[2]),
        (labels(3, 4), lambda y: y.max() == 3 and y.min() == 0),
        (degrees(64), lambda r: r == 64),
        (degrees(8, 3), lambda r: r == 3),
        (homogeneous_problems(max_samples=1, max_classes=2), lambda p: p.degree == 64),
        (diagonal_starts(zero_last=True), lambda w: w[-1] == 0),
        (power_model_states(), lambda s: (s.weights < 0).any() and (s.weights > 0).any()),
        (power_model_lines(max_classes=2, ties=True), lambda line: line.start_bias[0] == line.end_bias[0]),
        (curves(), lambda curve: len(curve.values) == 1),
        (curves(monotone=False), lambda curve: len(curve.values) == 2),
        (sign_patterns(3), lambda signs: (signs == 0).all()),
    ],
)
def test_the_edges_are_among_the_values(strategy, wanted):
    assert wanted(find(strategy, wanted, settings=settings(max_examples=2000, phases=(Phase.generate,))))


@FEW
@given(data=st.data(), monotone=st.booleans())
def test_a_curve_is_monotone_or_not(data, monotone):
    alphas, values = data.draw(curves(monotone=monotone))
    assert len(alphas) == len(values)
    assert (np.diff(values) <= 0).all() == monotone


@FEW
@given(
    weights=diagonal_starts(separation=0.1), full=gaussian_starts(), line=power_model_lines(zero_start=True)
)
def test_starts_of_the_power_model(weights, full, line):
    assert (weights[1:] <= 0.9 * weights[:-1] * (1 + 1e-12)).all()
    assert (weights > 0).all()
    assert (full != 0).all()
    assert not line.start_weights.any()


@FEW
@given(data=st.data(), cycle=st.booleans())
def test_a_pattern_of_two_classes_has_a_cycle_or_none(data, cycle):
    signs = data.draw(sign_patterns(2, cycle=cycle))
    both = signs[0, 0] <= 0 <= signs[1, 0] and signs[1, 1] <= 0 <= signs[0, 1]
    assert both == cycle


@settings(max_examples=9)
@given(
    st.data(),
    st.sampled_from(["zero", "gaussian", "initial"]),
    st.sampled_from(["whole", "gaussian", "trained"]),
)
def test_a_networks_line_starts_and_ends_where_it_says(data, start, end):
    line = data.draw(network_lines(bias=None, start=start, end=end))
    assert any(tensor.any() for tensor in line.start.values()) == (start != "zero")
    assert line.logits(0.5).shape == (line.shape.n_samples, line.shape.n_classes)
    assert len(line.labels) == len(line.inputs) == line.shape.n_samples
    if end == "whole":
        assert all((tensor == tensor.round()).all() for tensor in line.end.values())
    if start == "initial":
        bias = "none" if line.shape.last_bias not in line.end else "last"
        bias = "all" if "1.bias" in line.end else bias
        own = line.shape.model(bias).state_dict()
        assert all((line.start[name] == tensor).all() for name, tensor in own.items())


@FEW
@given(run_specs())
def test_a_run_spec_has_a_name(spec):
    assert len(spec.name) == 20


@pytest.mark.parametrize("name", mli.testing.__all__)
def test_each_is_documented_with_every_parameter(name):
    found = getattr(mli.testing, name)
    text = inspect.getdoc(found)
    assert text
    if name.islower() and name != "gaussian_state":
        for parameter in inspect.signature(found).parameters:
            assert f"{parameter}:" in text or f"`{parameter}`" in text, parameter


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: logits("large"), "kind must be one of any, whole, plain, got 'large'"),
        (lambda: find(homogeneous_problems(ties=True, kind="plain"), bool), "leave kind='plain' out"),
        (lambda: find(network_lines(start="small"), bool), "start must be one of zero, gaussian, initial"),
        (lambda: find(network_lines(end="small"), bool), "end must be one of whole, gaussian, trained"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_without_hypothesis_one_line_names_the_extra():
    code = "import sys; sys.modules['hypothesis'] = None; import mli.testing"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "mli.testing needs Hypothesis: install the extra, pip install 'mli-plateau[testing]'"
    )
