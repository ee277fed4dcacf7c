"""Named, seeded streams of random numbers, the same in every process and on every machine.

A stream is named by what it is for ("init", "order", ...), so adding a draw for one purpose never
shifts the numbers drawn for another.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["numpy_stream", "torch_stream"]


def numpy_stream(seed: int, purpose: str) -> np.random.Generator:
    """A numpy generator for one seed and one purpose.

    Raises:
        ValueError: a seed that is not a non-negative integer.
    """
    return np.random.default_rng([_checked(seed), _stable(purpose)])


def torch_stream(seed: int, purpose: str) -> torch.Generator:
    """A CPU torch generator for one seed and one purpose; torch's global generator is not touched.

    Raises:
        ValueError: a seed that is not a non-negative integer.
    """
    import torch

    # 63 bits: torch takes no larger seed.
    mixed = _stable(f"{_checked(seed)}/{purpose}") >> 1
    return torch.Generator().manual_seed(mixed)


def _checked(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"a seed must be an integer >= 0, got {seed!r}")
    return int(seed)


def _stable(word: str) -> int:
    # Never hash(): it is salted per process.
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big")
