"""Sequences of tokens, each with the token that follows it as its label.

n sequences · t tokens each · k tokens of the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import torch

from simulations.datasets.image_dataset import ImageDataset
from simulations.runtime.python_topics import topics_digest, topics_text

__all__ = ["SEQUENCE", "TokenDataset", "load_topics"]

SEQUENCE = 64
"""Characters of a sequence."""


@dataclass(frozen=True, eq=False)
class TokenDataset(ImageDataset):
    """Sequences where an `ImageDataset` has images; `len()` is the number of sequences.

    Attributes:
        inputs: int64 tensor (n, t), each in 0 .. n_classes - 1.
        labels: int64 tensor (n, t) likewise: of each place the token after it.
        n_classes: k >= 2 tokens.
        content_hash: 32 hex digits over all of it.

    Raises:
        ValueError: when built from anything else; the message shows the value.
    """

    def __post_init__(self) -> None:
        if self.inputs.ndim != 2 or not len(self.inputs) or self.labels.shape != self.inputs.shape:
            raise ValueError(
                "inputs and labels must be tensors (n, t) of one shape, n >= 1, got "
                f"{tuple(self.inputs.shape)} and {tuple(self.labels.shape)}"
            )
        if isinstance(self.n_classes, bool) or not isinstance(self.n_classes, int) or self.n_classes < 2:
            raise ValueError(f"n_classes must be an integer >= 2, got {self.n_classes!r}")
        for name, tokens in (("inputs", self.inputs), ("labels", self.labels)):
            if tokens.dtype != torch.int64:
                raise ValueError(f"{name} must be int64, got {tokens.dtype}")
            outside = (tokens < 0) | (tokens >= self.n_classes)
            if outside.any():
                raise ValueError(
                    f"{name} must lie in 0 .. {self.n_classes - 1}, but one is {int(tokens[outside][0])}"
                )
        found = _digest(self)
        if self.content_hash not in ("", found):
            raise ValueError(f"content_hash {self.content_hash!r} is not that of the data, {found!r}")
        object.__setattr__(self, "content_hash", found)

    def __reduce__(self) -> tuple[object, ...]:
        arrays = self.inputs.cpu().numpy(), self.labels.cpu().numpy()
        return _from_arrays, (*arrays, self.n_classes, self.content_hash)


def load_topics(limit: int | None, digest: str) -> TokenDataset:
    """Characters of the text that every Python carries (`simulations.runtime.python_topics`).

    The text is cut into sequences of `SEQUENCE` characters, one after the other; what is left over at its
    end is dropped. The vocabulary is the distinct characters of all of the text, in their order.

    Args:
        limit: at most this many sequences, spread evenly over the text; None: all.
        digest: of the text that is meant.

    Raises:
        ValueError: this Python's text has another digest; a limit < 1.
    """
    if digest != topics_digest():
        raise ValueError(
            f"text_digest {digest} is of another text than this Python's, {topics_digest()}: run it under "
            "the Python of that text, or give this one's digest"
        )
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be an integer >= 1 or None, got {limit!r}")
    text = topics_text()
    letters = {letter: token for token, letter in enumerate(sorted(set(text)))}
    tokens = torch.tensor([letters[letter] for letter in text])
    n = (len(tokens) - 1) // SEQUENCE
    inputs = tokens[: n * SEQUENCE].view(n, SEQUENCE)
    labels = tokens[1 : n * SEQUENCE + 1].view(n, SEQUENCE)
    kept = torch.arange(min(n, limit or n)) * n // min(n, limit or n)
    return TokenDataset(inputs[kept].clone(), labels[kept].clone(), len(letters))


def _from_arrays(inputs: np.ndarray, labels: np.ndarray, n_classes: int, content_hash: str) -> TokenDataset:
    return TokenDataset(torch.from_numpy(inputs), torch.from_numpy(labels), n_classes, content_hash)


def _digest(data: TokenDataset) -> str:
    digest = blake2b(digest_size=16)
    digest.update(repr((tuple(data.inputs.shape), data.n_classes)).encode())
    for tokens in (data.inputs, data.labels):
        digest.update(np.ascontiguousarray(tokens.cpu().numpy()).data)
    return digest.hexdigest()
