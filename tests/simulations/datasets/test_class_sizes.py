"""Imposed class sizes: geometric, as large as fits, and refused where a class would be empty."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simulations.datasets.class_sizes import class_sizes

counts_of_classes = st.lists(st.integers(1, 400), min_size=2, max_size=12)


@example(counts=[5, 5], limit=2, imbalance=1.0)
@example(counts=[5000] * 10, limit=None, imbalance=100.0)
@example(counts=[10, 3000], limit=None, imbalance=4.0)
@given(counts=counts_of_classes, limit=st.none() | st.integers(1, 1000), imbalance=st.floats(1, 50))
def test_sizes_are_the_rounded_geometric_ones_and_no_larger_would_fit(counts, limit, imbalance):
    k = len(counts)

    def by_the_docstring(largest):
        return [round(largest / imbalance ** (c / (k - 1))) for c in range(k)]

    def fits(sizes):
        return all(np.array(sizes) <= counts) and (limit is None or sum(sizes) <= limit)

    largest = max(n for n in range(counts[0] + 1) if fits(by_the_docstring(n)))
    if min(by_the_docstring(largest)) < 1 or (limit is not None and limit < k):
        with pytest.raises(ValueError, match=r"without a sample|less than one sample"):
            class_sizes(np.array(counts), limit, imbalance)
        return
    sizes = class_sizes(np.array(counts), limit, imbalance)
    assert sizes.tolist() == by_the_docstring(largest)
    assert (np.diff(sizes) <= 0).all()


@given(counts=counts_of_classes, extra=st.none() | st.integers(0, 500))
def test_an_imbalance_of_one_is_balance(counts, extra):
    limit = None if extra is None else len(counts) + extra
    most = min(counts) if limit is None else min(min(counts), limit // len(counts))
    assert class_sizes(np.array(counts), limit).tolist() == [most] * len(counts)


@pytest.mark.parametrize(
    ("counts", "limit", "imbalance", "message"),
    [
        ([5, 5], None, 0.5, r"imbalance .* got 0\.5"),
        ([5, 5], None, float("nan"), "got nan"),
        ([5, 5], None, float("inf"), "got inf"),
        ([5, 0], None, 1.0, "class 1 has no sample"),
        ([5, 5, 5], 2, 1.0, "limit = 2 .* 3 classes"),
        ([100, 100], 30, 200.0, r"imbalance = 200\.0 leaves class 1 .*within limit = 30"),
    ],
)
def test_bad_sizes_are_refused_by_value(counts, limit, imbalance, message):
    with pytest.raises(ValueError, match=message):
        class_sizes(np.array(counts), limit, imbalance)
