"""Every kind of the zoo on three paths, on a grid and adaptively: as the plain loop has it, or refused."""

import numpy as np
import pytest

from simulations.curves.one_path import interpolation_curves
from simulations.user_data.batch import Batch
from tests.plain_line import plain_line
from tests.simulations.curves.helpers.zoo import KINDS, K, N, specimen

GRID = np.linspace(0, 1, 15)  # more than the engine evaluates as they are
SEEN = [0, 4, 9, 14]  # of them, compared with the plain loop
PATHS = ("linear", "weights", "homogeneous")

CASES = [(name, path) for name in KINDS for path in PATHS]

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),  # scripted modules are still about
    pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm:FutureWarning"),  # so are these
    pytest.mark.filterwarnings(
        "ignore:.*did not reach the tolerances:UserWarning"
    ),  # that is a matter of time
]


def in_type(found, inputs):
    """Floating inputs in the type of a network of one type, as the documentation says of the engine."""
    types = {parameter.dtype for parameter in found.twin.parameters()}
    only = next(iter(types)).to_real()
    return tuple(v.to(only) if v.is_floating_point() and len(types) == 1 else v for v in inputs)


def engine(kind, found, path, alphas, method):
    options = {} if kind.policy is None else {"buffers": kind.policy}
    batch = Batch(found.inputs, {}, found.labels)
    return interpolation_curves(
        found.model, found.start, found.end, [batch], alphas=alphas, path=path, method=method, **options
    )


def coefficient(kind, path):
    """c of a parameter by the rule of the path, from the zoo's own list of biases."""
    if path == "weights":
        return lambda name, alpha: 1.0 if kind.biases(name) else alpha
    if path == "homogeneous":
        return lambda name, alpha: alpha ** kind.depths.get(name, 1)
    return lambda _, alpha: alpha


@pytest.mark.parametrize(("name", "path"), CASES)
def test_every_kind_is_right_or_refused_in_one_line(name, path):
    kind, found = KINDS[name], specimen(name)
    biased = any(kind.biases(parameter) for parameter, _ in found.twin.named_parameters())
    if kind.refused or (path == "homogeneous" and kind.depths is None and biased):
        for method in ("grid", "adaptive"):
            with pytest.raises(
                ValueError, match=kind.refused or "give bias_depth|depth of every bias"
            ) as raised:
                engine(kind, found, path, GRID, method)
            assert "\n" not in str(raised.value)
        return
    plain = plain_line(
        found.twin,
        found.start,
        found.end,
        in_type(found, found.inputs),
        found.labels,
        GRID[SEEN],
        buffers=kind.policy or "keep",
        coefficient=coefficient(kind, path),
    )
    exact = engine(kind, found, path, GRID[SEEN], "grid")
    np.testing.assert_allclose(exact.loss, plain.loss, rtol=0, atol=kind.room)
    ties = 1 / N if kind.room > 1e-3 else 0  # of half precision, whose logits may tie
    assert np.abs(exact.error - plain.error).max() <= ties + 1e-12
    assert exact.class_share.shape == (len(SEEN), K)
    assert np.abs(exact.class_share - plain.class_share).max() <= ties + 1e-12
    curve = engine(kind, found, path, GRID, "adaptive")
    few = curve.isel(alpha=SEEN)
    assert np.abs(few.loss - plain.loss).max() <= 3 * curve.attrs["estimated_loss_error"] + kind.room
    # One sample: no estimate of an error rate can be finer.
    room = 3 * max(curve.attrs["estimated_error_error"], 1 / N)
    assert np.abs(few.error - plain.error).max() <= room + 1e-12
    np.testing.assert_allclose(few.loss[[0, -1]], plain.loss[[0, -1]], rtol=0, atol=kind.room)


def test_the_zoo_is_of_forty_kinds_and_more_and_each_moves():
    assert len(KINDS) >= 40
    for name in KINDS:
        found = specimen(name)
        inputs = in_type(found, found.inputs)
        plain = plain_line(found.twin, found.start, found.end, inputs, found.labels, [0.0, 1.0])
        assert abs(plain.loss[0] - plain.loss[1]) > 1e-3, name
