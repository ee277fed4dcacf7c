"""The one place where inputs meet the hypotheses of the theorems.

Each check returns its input in canonical form (float64 or int64 array, int) and raises
`DomainError` with the offending value, before any work is done.
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mli_theory.names_in_words import first_of

__all__ = ["DomainError", "check_class_shares", "check_degree", "check_labels", "finite_array"]


class DomainError(ValueError):
    """An input outside the hypotheses of the statement it was given to; the message shows the value."""


def finite_array(
    name: str, values: ArrayLike, shape: tuple[int | None, ...], *, statement: str = ""
) -> NDArray[np.float64]:
    """The input as a finite float64 array; `shape` has None where any length >= 1 will do.

    `statement` is the theorem that the message names.

    Raises:
        DomainError: not numeric, an integer of 2^53 or more, another number of dimensions, another length, or
            not finite (the first bad index and its value are shown).
    """
    of = f"{statement}: " if statement else ""
    try:
        given = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise DomainError(f"{of}{name} must be an array of real numbers, got {values!r}") from error
    if given.dtype.kind not in "biuf":  # strings and complex numbers would convert, with a loss
        raise DomainError(f"{of}{name} must be an array of real numbers, got {values!r}")
    with np.errstate(over="ignore"):  # a long double beyond float64 is inf, and refused as such below
        array = given.astype(np.float64)
    # From 2^53 on, neighbouring integers become one float.
    if given.dtype.kind in "iu" and (np.abs(array) >= 2.0**53).any():
        first = np.argwhere(np.abs(array) >= 2.0**53)[0].tolist()
        raise DomainError(
            f"{of}{name} must be below 2^53 where integer, but {name}{first} = {given[tuple(first)]}"
        )
    wanted = "(" + first_of("any" if length is None else length for length in shape) + ")"
    if array.ndim != len(shape) or any(
        length is not None and have != length for have, length in zip(array.shape, shape, strict=True)
    ):
        raise DomainError(f"{of}{name} must have shape {wanted}, got {array.shape}")
    if array.size == 0:
        raise DomainError(f"{of}{name} must not be empty, got shape {array.shape}")
    if not np.isfinite(array).all():
        first = tuple(int(index) for index in np.argwhere(~np.isfinite(array))[0])
        where = f"[{first_of(first)}]" if first else ""
        raise DomainError(f"{of}{name} must be finite, but {name}{where} = {array[first]}")
    return array


def check_degree(degree: int, *, least: int = 2, statement: str) -> int:
    """The degree as an int of at least `least` and below 2^53; `statement` is the theorem that needs it.

    From 2^53 on, neighbouring integers become one float.

    Raises:
        DomainError: not an integer, below `least`, or 2^53 or more.
    """
    if isinstance(degree, bool) or not isinstance(degree, Integral) or int(degree) < least:
        raise DomainError(f"{statement} needs an integer degree >= {least}, got {degree!r}")
    if int(degree) >= 2**53:
        raise DomainError(f"{statement} needs a degree below 2^53, got {degree!r}")
    return int(degree)


def check_labels(labels: ArrayLike, n_samples: int, n_classes: int) -> NDArray[np.int64]:
    """The labels as an int64 array (n,), every one in 0 .. k - 1.

    Raises:
        DomainError: not integers, another length than n_samples, or outside the classes.
    """
    try:
        array = np.asarray(labels)
    except ValueError as error:  # rows of different lengths
        raise DomainError(f"labels must be an array of integers, got {labels!r}") from error
    if array.dtype.kind not in "iu":
        raise DomainError(f"labels must be integers, got an array of {array.dtype}")
    if array.shape != (n_samples,):
        raise DomainError(f"labels must have shape ({n_samples},), got {array.shape}")
    bad = np.flatnonzero((array < 0) | (array >= n_classes))
    if bad.size:
        raise DomainError(f"labels must lie in 0 .. {n_classes - 1}, but labels[{bad[0]}] = {array[bad[0]]}")
    return array.astype(np.int64)


def check_class_shares(
    class_shares: ArrayLike | None, n_classes: int, *, statement: str, empty_classes: bool = False
) -> NDArray[np.float64]:
    """The class shares as given, (k,) float64; equal shares for None.

    They may miss the sum 1 by 1e-9, as shares typed to ten digits do. `empty_classes` lets a share be 0.

    Raises:
        DomainError: naming `statement` and the value, for another length, a share that is not positive
            (negative, with `empty_classes`), or another sum.
    """
    if class_shares is None:
        return np.full(n_classes, 1.0 / n_classes)
    shares = finite_array("class_shares", class_shares, (n_classes,), statement=statement)
    bad = np.flatnonzero(shares < 0 if empty_classes else shares <= 0)
    if bad.size:
        wanted = "non-negative" if empty_classes else "positive"
        raise DomainError(
            f"{statement} needs {wanted} class shares, but class_shares[{bad[0]}] = {shares[bad[0]]}"
        )
    if abs(shares.sum() - 1) > 1e-9:
        raise DomainError(f"{statement} needs class shares of sum 1, got a sum of {shares.sum()}")
    return shares
