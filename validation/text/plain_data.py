"""Results as Python's own types, and as JSON that any reader takes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["plain", "strict_json"]


def plain(value: Any) -> Any:
    """Python's own types only; nan and infinity become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def strict_json(data: Any) -> str:
    """JSON that any reader takes: no NaN or Infinity.

    Raises:
        ValueError: such a number is left in the data.
    """
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
