"""Loss, error and shares from logits, against plain loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from mpmath import mp
from torch import nn

from simulations.models.evaluation import Scores, evaluation_mode

# Few distinct values: ties are common.
problems = st.integers(2, 4).flatmap(
    lambda k: st.lists(
        st.tuples(
            st.lists(st.sampled_from([-700.0, -1.5, 0.0, 0.25, 3.0, 800.0]), min_size=k, max_size=k),
            st.integers(0, k - 1),
        ),
        min_size=1,
        max_size=6,
    )
)


@example([([0.0, 0.0], 0)])  # a tie is an error, and its first class is the prediction
@example([([800.0, -700.0], 1)])  # exp overflows
@example([([-700.0, 800.0], 1)])  # the loss is far below 1e-16
@given(problems)
def test_scores_agree_with_plain_loops(problem):
    values = np.array([row for row, _ in problem])
    labels = [label for _, label in problem]
    scores = Scores(torch.tensor(values), torch.tensor(labels))
    n, k = values.shape
    with mp.workdps(30):
        losses = [mp.log(mp.fsum(mp.exp(mp.mpf(z) - mp.mpf(row[y])) for z in row)) for row, y in problem]
        loss = mp.fsum(losses) / n
    # log-softmax subtracts logits of up to 800: absolute rounding of a few ulp of 1500.
    assert scores.loss == pytest.approx(float(loss), rel=1e-14, abs=1e-12)
    wrong = [any(z >= row[y] for i, z in enumerate(row) if i != y) for row, y in problem]
    assert scores.error == sum(wrong) / n
    first_best = [list(row).index(max(row)) for row, _ in problem]
    assert scores.class_share.tolist() == [first_best.count(c) / n for c in range(k)]
    for c in range(k):
        mine = [not bad for bad, y in zip(wrong, labels, strict=True) if y == c]
        expected = sum(mine) / len(mine) if mine else math.nan
        assert scores.class_accuracy[c] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_recurrent_layer_takes_the_same_given_weights_again(kind: type[nn.Module]) -> None:
    """Its flat weights were put back without the references that tell whether they are stale."""
    torch.manual_seed(0)
    own, other = kind(3, 4), kind(3, 4)
    passed = {name: tensor.detach().clone() for name, tensor in other.named_parameters()}
    inputs = torch.randn(2, 5, 3)
    right = other(inputs)[0]
    for _ in range(3):
        with evaluation_mode(own), torch.no_grad():
            assert torch.equal(torch.func.functional_call(own, passed, (inputs,))[0], right)
