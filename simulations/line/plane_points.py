"""Points of the plane through three states a, b, c: a + u (b - a) + v (c - a)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from simulations.models.buffers import between, is_continuous

__all__ = ["plane_coordinates", "refuse_one_line", "shifted"]

State = Mapping[str, torch.Tensor]
FLAT = 1e-6  # of the lengths' product: the sine of an angle below it is a line's


def shifted(point: State, a: State, c: State, v: float) -> dict[str, torch.Tensor]:
    """The point + v (c - a), tensor by tensor; integers are the point's.

    Where the point is a, this is a or c bit for bit at v = 0 and 1.
    """
    found = {}
    for name, tensor in point.items():
        if not is_continuous(tensor) or v == 0:
            found[name] = tensor
        elif point is a:
            found[name] = between(a[name], c[name], v)
        else:
            wide = torch.complex128 if tensor.is_complex() else torch.float64
            moved = tensor.to(wide) + v * (c[name].to(wide) - a[name].to(wide))
            found[name] = moved.to(tensor.dtype)
    return found


def refuse_one_line(a: State, b: State, c: State, *, names: Iterable[str]) -> None:
    """Refuse three states that lie on a line, two alike among them.

    Args:
        a: one state.
        b: another.
        c: a third.
        names: of the parameters.

    Raises:
        ValueError: naming the angle between b - a and c - a.
    """
    gram = _gram(a, [b, c], list(names))
    area = gram[0, 0] * gram[1, 1] - gram[0, 1] ** 2
    if not area > FLAT**2 * gram[0, 0] * gram[1, 1]:
        sine = float(np.sqrt(max(area, 0.0) / max(gram[0, 0] * gram[1, 1], 1e-300)))
        raise ValueError(
            f"a, b and c lie on a line (the sine of the angle at a is {sine:.1e}): take another third "
            "checkpoint"
        )


def plane_coordinates(states: Sequence[State], a: State, b: State, c: State) -> NDArray[np.float64]:
    """(u, v) of each state's projection onto the plane, and how far off it the state is: rows (s, 3).

    The distance is the Euclidean one over all continuous tensors, as a share of the longer of b - a and
    c - a. A trajectory that training recorded (`mli.record_ends(..., every=...)`) is drawn by it.

    Args:
        states: s state dicts with the tensors of a, of the same shapes and finite.
        a: as of `simulations.curves.plane`.
        b: likewise.
        c: likewise.

    Raises:
        ValueError: a, b and c lie on a line; a state of other tensors than a's, or one that is not finite.
    """
    names = [name for name, tensor in a.items() if is_continuous(tensor)]
    named = {"b": b, "c": c} | {f"states[{i}]": state for i, state in enumerate(states)}
    for which, state in ({"a": a} | named).items():
        _check_as(which, state, a, names)
    refuse_one_line(a, b, c, names=names)
    found = []
    for state in states:
        gram = _gram(a, [b, c, state], names)
        u, v = np.linalg.solve(gram[:2, :2], gram[:2, 2])
        inside = u * gram[0, 2] + v * gram[1, 2]
        off = np.sqrt(max(0.0, gram[2, 2] - inside) / max(gram[0, 0], gram[1, 1]))
        found.append((u, v, off))
    return np.array(found, dtype=np.float64).reshape(-1, 3)


def _check_as(which: str, state: State, a: State, names: Sequence[str]) -> None:
    """Refuse what could not be subtracted from a, or would give coordinates that are no numbers."""
    for name in names:
        if name not in state:
            raise ValueError(f"{which} lacks {name!r}, which a has")
        tensor = state[name]
        if tensor.shape != a[name].shape:
            raise ValueError(f"{which}[{name!r}] has shape {tuple(tensor.shape)}, a's {tuple(a[name].shape)}")
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{which}[{name!r}] holds values that are not finite")


def _gram(origin: State, points: Sequence[State], names: Sequence[str]) -> NDArray[np.float64]:
    """Inner products of points - origin, in float64."""
    gram = np.zeros((len(points), len(points)))
    for name in names:
        base = origin[name].detach().cpu()
        wide = torch.complex128 if base.is_complex() else torch.float64
        rows = torch.stack([(p[name].detach().cpu().to(wide) - base.to(wide)).reshape(-1) for p in points])
        gram += (rows.conj() @ rows.T).real.numpy()
    return gram
