"""A result's repr in a line or two: large parts by their size, not by their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any

__all__ = ["short_repr"]

_FEW = 4  # numbers of an array, or parts of a container, that are shown as they are
_LONG = 70  # characters of one part


def short_repr(result: Any) -> str:
    """The class with its fields; to be used as `__repr__ = short_repr` in a dataclass.

    Arrays and tensors show their shape, Datasets their dimensions, containers of more than four parts their
    number, modules their class.

    Args:
        result: a dataclass instance.
    """
    shown = (
        f"{field.name}={_summary(getattr(result, field.name))}" for field in fields(result) if field.repr
    )
    return f"{type(result).__name__}({', '.join(shown)})"


def _summary(value: Any) -> str:
    if is_dataclass(value) and not isinstance(value, type):
        return _cut(repr(value))
    if hasattr(value, "state_dict"):  # a torch module
        return f"<{type(value).__name__}>"
    if hasattr(value, "data_vars"):  # an xarray.Dataset
        return f"<Dataset {', '.join(f'{name}: {size}' for name, size in value.sizes.items())}>"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        if value.shape == () or (len(value.shape) == 1 and value.shape[0] <= _FEW):
            return str(value.tolist())
        return f"<{value.dtype} of shape {tuple(value.shape)}>"
    if isinstance(value, Mapping):
        if len(value) > _FEW:
            return f"<{len(value)} entries, {', '.join(map(str, list(value)[:_FEW]))}, ...>"
        return "{" + ", ".join(f"{key!r}: {_summary(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple) and len(value) > _FEW:
        return f"<{len(value)} of {type(value[0]).__name__}>"
    if isinstance(value, list | tuple):
        inside = ", ".join(map(_summary, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
    if isinstance(value, Fraction) and len(str(value)) > _LONG:
        return f"<Fraction near {float(value):.6g}>"
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else text[: _LONG - 3] + "..."
