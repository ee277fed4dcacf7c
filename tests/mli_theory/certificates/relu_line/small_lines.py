"""Small ReLU networks on a line, the awkward ones by name; the arithmetic with one of its bounds broken."""

import importlib.util
import sys
from itertools import pairwise
from types import ModuleType

import numpy as np

from mli_theory.certificates.relu_line.network import ReluLine, inputs_of

STYLES = (
    "plain", "no bias", "bias alone", "dead units", "kinks", "equal logits", "zero start", "flat", "huge",
    "tiny", "mixed sizes", "one class", "positive", "through zero", "relu last",
    "leaky", "some rectified",
)  # fmt: skip
PACKAGE = "mli_theory.certificates.relu_line"


def small_line(style, seed, samples=6):
    """A `ReluLine` of two to five layers and its inputs, of one style."""
    rng = np.random.default_rng([seed, STYLES.index(style)])
    widths = [int(w) for w in rng.integers(1, 6, rng.integers(2, 5))]
    widths = [int(rng.integers(1, 5)), *widths, 1 if style == "one class" else int(rng.integers(2, 5))]
    steps = [_step(style, rng, m, n) for m, n in pairwise(widths)]
    last = len(steps) - 1
    slopes = [i < last or style == "relu last" for i in range(len(steps))]
    if style == "leaky":
        slopes = [rng.choice([0.01, 0.3, 0.5], len(step[0])) for step in steps]
    if style == "some rectified":
        slopes = [rng.choice([0.0, 0.2, 1.0], len(step[0])) for step in steps]
    line = ReluLine([(*step, slope) for step, slope in zip(steps, slopes, strict=True)])
    inputs = rng.normal(size=(samples, widths[0]))
    if style == "kinks":
        inputs = rng.integers(-2, 3, inputs.shape).astype(float)
    if style == "positive":
        inputs = abs(inputs)
    if style == "mixed sizes":
        inputs *= 10.0 ** rng.uniform(-6, 6, inputs.shape)
    return line, inputs_of(line, inputs)


def _step(style, rng, fan_in, units):
    start, end = rng.normal(size=(2, units, fan_in)).astype(np.float32).astype(float)
    start_bias, end_bias = rng.normal(size=(2, units)) * 0.3
    if style == "no bias" or style == "zero start":
        start_bias, end_bias = 0 * start_bias, (0 if style == "no bias" else 1) * end_bias
    if style == "bias alone":
        start, end = 0 * start, 0 * end
    if style == "zero start":
        start = 0 * start
    if style == "dead units":
        start_bias[: units // 2 + 1] = end_bias[: units // 2 + 1] = -100.0
    if style == "kinks":
        start, end = rng.integers(-2, 3, (2, units, fan_in)).astype(float)
        start_bias, end_bias = rng.integers(-1, 2, (2, units)).astype(float)
    if style == "equal logits":
        start[-1], end[-1], start_bias[-1], end_bias[-1] = start[0], end[0], start_bias[0], end_bias[0]
    if style == "flat":
        end, end_bias = start, start_bias
    if style == "huge":
        start, end = start * 1e6, end * 1e12
    if style == "tiny":
        start, end, start_bias, end_bias = start * 1e-160, end * 1e-170, 0 * start_bias, 0 * end_bias
    if style == "mixed sizes":
        start, end = (w * 10.0 ** rng.uniform(-6, 6, w.shape) for w in (start, end))
    if style == "positive":
        start, end, start_bias, end_bias = abs(start), abs(end), abs(start_bias), abs(end_bias)
    if style == "through zero":
        end = -start * (1 + 1e-3 * rng.normal())
    return start, end, start_bias, end_bias


def broken(monkeypatch, module, old, new):
    """The package's modules, uncompiled, with one piece of one module's text replaced; by their names.

    The piece must be there exactly once, so that a fault is not planted in vain.
    """
    names = (
        "compiled",
        "rounding",
        "norms",
        "network",
        "passes",
        "leads",
        "backward",
        "pair_bounds",
        "enclosure",
        "cells",
        "recheck_backward",
        "recheck",
        "exact_walk",
        "settled",
        "double_double",
        "sure_exponential",
        "loss",
        "slope",
    )
    found = {}
    for name in names:
        text = _source(name).replace(PACKAGE, "broken_relu_line").replace("@compiled\n", "")
        if name == module:
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {module}.py"
            text = text.replace(old, new)
        made = ModuleType(f"broken_relu_line.{name}")
        monkeypatch.setitem(sys.modules, made.__name__, made)
        exec(compile(text, f"broken {name}.py", "exec"), made.__dict__)
        found[name] = made
    return found


def _source(name):
    spec = importlib.util.find_spec(f"{PACKAGE}.{name}")
    return spec.loader.get_source(spec.name)
