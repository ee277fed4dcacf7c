"""One logit a sample: a classifier by a sigmoid, whose cross-entropy over "all" classes would always be 0."""

from __future__ import annotations

import torch

__all__ = ["refuse_one_logit"]


def refuse_one_logit(outputs: torch.Tensor, n_samples: int) -> None:
    """Refuse outputs (n,) or (n, 1).

    Raises:
        ValueError: naming the shape, and what to do.
    """
    if outputs.shape in ((n_samples,), (n_samples, 1)):
        raise ValueError(
            f"the network returns one output a sample, shape {tuple(outputs.shape)}: the softmax over one "
            "class is always 1, so its loss and error would be 0; a sigmoid classifier's line is that of "
            "objective='binary' (mli curve --objective binary); elsewhere return the two logits (0, z)"
        )
