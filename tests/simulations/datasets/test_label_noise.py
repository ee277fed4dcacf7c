"""A share of the labels redrawn: how many, to what, and nothing else."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from simulations.datasets.image_dataset import load
from simulations.datasets.label_noise import redrawn_labels
from simulations.runtime.random_streams import numpy_stream


@given(n=st.integers(1, 300), k=st.integers(2, 12), small=st.floats(0, 1), large=st.floats(0, 1))
def test_a_larger_share_redraws_the_same_samples_to_the_same_labels_and_more(n, k, small, large):
    small, large = sorted((small, large))
    outside = np.full(n, k)  # no class: what differs was redrawn
    few, many = (redrawn_labels(outside, k, share, seed=3) for share in (small, large))
    assert (few != k).sum() == round(small * n)
    assert (many != k).sum() == round(large * n)
    assert (many[few != k] == few[few != k]).all()
    assert (outside == k).all()


def test_redrawn_labels_are_uniform_over_all_classes_and_without_order():
    labels = np.zeros(20_000, np.int64)
    noisy = redrawn_labels(labels, 10, 1.0, seed=0)
    # False alarm 1e-6: uniform over classes, and in each half of the samples.
    for part in (noisy, noisy[:10_000], noisy[10_000:]):
        assert chisquare(np.bincount(part, minlength=10)).pvalue > 1e-6
    where = redrawn_labels(labels - 1, 10, 0.5, seed=0) != -1
    assert chisquare(where.reshape(20, -1).sum(axis=1)).pvalue > 1e-6


def test_noisy_digits_differ_in_their_labels_alone():
    clean, noisy, again, other = (
        load("digits", label_noise=share, seed=seed)
        for share, seed in ((0.0, 0), (0.5, 0), (0.5, 0), (0.5, 1))
    )
    assert torch.equal(clean.inputs, noisy.inputs)
    # Of 870 redrawn labels each differs with probability 9/10: five standard deviations.
    assert abs(int((clean.labels != noisy.labels).sum()) - 783) < 5 * (870 * 0.09) ** 0.5
    assert len({clean.content_hash, noisy.content_hash, other.content_hash}) == 3
    assert again.content_hash == noisy.content_hash
    assert load("digits", seed=5).content_hash == clean.content_hash


def test_only_the_stream_label_noise_is_drawn_from():
    stream = numpy_stream(7, "label noise")
    stream.permutation(50)
    expected = stream.integers(4, size=50)
    np.random.seed(0)  # noqa: NPY002 - the global generator must not be moved
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert redrawn_labels(np.zeros(50, np.int64), 4, 1.0, seed=7).tolist() == expected.tolist()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


@pytest.mark.parametrize(
    ("share", "seed", "message"),
    [(-0.1, 0, r"-0\.1"), (1.1, 0, r"1\.1"), (float("nan"), 0, "nan"), (0.0, -1, "-1")],
)
def test_a_bad_share_or_seed_is_refused_before_any_work(share, seed, message):
    with pytest.raises(ValueError, match=message):
        load("digits", label_noise=share, seed=seed)
