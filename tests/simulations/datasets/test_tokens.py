"""The text that Python carries, as sequences of characters."""

import pickle

import pytest
import torch

from simulations.datasets.tokens import SEQUENCE, TokenDataset, load_topics
from simulations.runtime.python_topics import topics_digest, topics_text


def test_each_label_is_the_character_after_its_input_and_the_text_can_be_read_again():
    text, letters = topics_text(), sorted(set(topics_text()))
    data = load_topics(None, topics_digest())
    assert len(text) > 300_000
    assert len(data) == (len(text) - 1) // SEQUENCE
    assert data.n_classes == len(letters)
    for row in (0, 1, len(data) - 1):
        began = row * SEQUENCE
        for tokens, shift in ((data.inputs, 0), (data.labels, 1)):
            said = "".join(letters[token] for token in tokens[row].tolist())
            assert said == text[began + shift : began + shift + SEQUENCE]
    few = load_topics(3, topics_digest())
    assert [data.inputs.tolist().index(row) for row in few.inputs.tolist()] == [
        row * len(data) // 3 for row in range(3)
    ]
    assert few.content_hash != data.content_hash
    assert pickle.loads(pickle.dumps(few)).content_hash == few.content_hash


def test_another_text_is_refused_and_what_is_no_sequence_of_tokens():
    with pytest.raises(
        ValueError, match="text_digest 0000000000000000 is of another text than this Python's"
    ):
        load_topics(3, "0" * 16)
    good = torch.tensor([[0, 1], [1, 0]])
    for inputs, labels, message in (
        (good[0], good[0], r"tensors \(n, t\) of one shape"),
        (good, good[:1], r"got \(2, 2\) and \(1, 2\)"),
        (good.float(), good, "inputs must be int64, got torch.float32"),
        (good, good + 1, r"labels must lie in 0 .. 1, but one is 2"),
    ):
        with pytest.raises(ValueError, match=message):
            TokenDataset(inputs, labels, 2)
