"""What does not fit an objective is refused in one line that names the value, before the walk."""

import numpy as np
import pytest
import torch

from simulations.curves.one_path import interpolation_curves
from tests.simulations.objectives.helpers.small_lines import Rows, line

TWO = np.zeros((4, 3)), np.ones((4, 3))
TOKENS = np.zeros((4, 2, 3)), np.ones((4, 2, 3))
ONE = np.zeros(4), np.ones(4)
HALF = np.full((4, 3), 0.5)
NAN = np.array([[0.0, 1.0, 2.0]] * 3 + [[0.0, np.nan, 2.0]])
INTEGERS = np.array([0, 1, 2, 0])

BAD = [
    (TWO, INTEGERS, {"objective": "hinge"}, "objective must be one of cross_entropy, binary, squared_error"),
    (TWO, INTEGERS, {"class_weights": [1.0, 2.0]}, "class_weights are 2, the network returns 3 classes"),
    (TWO, INTEGERS, {"class_weights": [1.0, -2.0, 1.0]}, r"class_weights\[1\] = -2"),
    (TWO, INTEGERS, {"class_weights": [0.0, 0.0, 0.0]}, "must not all be 0"),
    (TWO, np.zeros(4, int), {"class_weights": [0.0, 1.0, 1.0]}, "no label counts: the classes of all labels"),
    (TWO, INTEGERS, {"label_smoothing": 1.0}, r"label_smoothing must be in \[0, 1\), got 1.0"),
    (TWO, INTEGERS, {"objective": "binary", "label_smoothing": 0.1}, "label_smoothing is of objective"),
    (TWO, INTEGERS, {"target": "input"}, "target is of objective squared_error, not of 'cross_entropy'"),
    (TWO, INTEGERS, {"ignore_index": 0.5}, "ignore_index must be an integer, got 0.5"),
    (TWO, INTEGERS + 3, {"class_weights": [1.0, 1.0, 1.0]}, r"labels\[0\] = 3 has no logit"),
    (TWO, np.array([0, 1, -7, 0]), {"label_smoothing": 0.1}, r"the ignored -100, but labels\[2\] = -7"),
    (TWO, HALF, {}, r"soft labels must sum to 1 over the classes, but labels\[0\]"),
    (TWO, -HALF, {}, r"probabilities, but labels\[0, 0\] = -0.5"),
    (TWO, NAN, {}, r"probabilities, but labels\[3, 1\] = nan"),
    (
        TOKENS,
        INTEGERS,
        {"label_smoothing": 0.1},
        r"labels \(4,\) need logits \(4, 'k'\) with the classes last",
    ),
    (TWO, np.zeros((4, 2), int), {}, r"labels \(4, 2\) need logits \(4, 2, 'k'\)"),
    (TOKENS, np.full((4, 2), -100), {}, "no label counts: every label is the ignored one"),
    (TOKENS, np.full((4, 2), 9), {}, r"labels\[0, 0\] = 9 has no logit: the network returns 3"),
    (TWO, INTEGERS, {"objective": "binary"}, r"labels of objective 'binary' .* but labels\[2\] = 2"),
    (TWO, np.zeros(4, int), {"objective": "binary"}, "a label for every logit: labels are .* a sample"),
    (ONE, np.full(4, -100), {"objective": "binary"}, "no label counts"),
    (ONE, np.full(4, np.nan), {"objective": "binary"}, r"but labels\[0\] = nan"),
    (TWO, NAN, {"objective": "squared_error"}, r"targets must be finite, but labels\[3, 1\] = nan"),
    (
        TWO,
        np.zeros((4, 2)),
        {"objective": "squared_error"},
        r"a target for every output: labels are \(4, 2\)",
    ),
    (TWO, INTEGERS, {"objective": "squared_error", "calibrated": True}, "'squared_error' has no logits"),
    (
        TWO,
        INTEGERS,
        {"objective": lambda z, _: z.sum()},
        r"must return one number a sample \(4,\), it returned",
    ),
    (TWO, INTEGERS, {"metrics": {"loss": len}}, "a metric's name must be a new identifier, got 'loss'"),
    (TWO, INTEGERS, {"metrics": {"m": 1}}, r"metrics\['m'\] must be a callable"),
    (TOKENS, np.zeros((4, 2), int), {"exits": True}, "exits are of classes"),
]


@pytest.mark.parametrize(("ends", "labels", "options", "message"), BAD)
def test_it_is_refused_in_one_line(ends, labels, options, message):
    with pytest.raises(ValueError, match=message) as refused:
        line(*ends, labels, alphas=3, **options)
    assert "\n" not in str(refused.value)


def test_an_input_as_target_that_is_not_finite_is_refused_before_the_walk():
    model, seen = torch.nn.Linear(2, 2), []
    model.register_forward_hook(lambda *_: seen.append(1))
    inputs = torch.zeros(5000, 2)
    inputs[-1, 1] = torch.inf
    start, end = ({name: f * torch.ones_like(t) for name, t in model.state_dict().items()} for f in (0, 1))
    options = {"objective": "squared_error", "target": "input"}
    with pytest.raises(ValueError, match=r"targets must be finite, but an input holds inf"):
        interpolation_curves(model, start, end, (inputs, torch.zeros(5000)), alphas=3, **options)
    assert len(seen) <= 6  # a look at sixteen samples


class Counting(Rows):
    passes = 0

    def forward(self, index):
        Counting.passes += 1
        return super().forward(index)


def test_a_label_of_the_last_batch_is_refused_before_the_walk():
    table = torch.ones(5000, 2, 3, dtype=torch.float64)
    labels = torch.zeros(5000, 2, dtype=torch.int64)
    labels[-1, 1] = 3
    model, ends = Counting(table), ({"table": 0 * table}, {"table": table})
    with pytest.raises(ValueError, match=r"labels\[903, 1\] = 3 has no logit"):
        interpolation_curves(model, *ends, (torch.arange(5000), labels), alphas=3)
    # Of sixteen samples, at the end: twice, whole and in halves, and for the outputs that labels must fit.
    assert Counting.passes <= 6


def test_losses_that_are_not_finite_name_their_alpha():
    def loss(output, _):
        return 1 / output[:, 0]

    with pytest.raises(ValueError, match=r"the losses are not finite at alpha = 0\.0"):
        line(np.zeros((4, 1)), np.ones((4, 1)), INTEGERS, alphas=3, objective=loss)
