"""Paths between two checkpoints: how far along the line each tensor is at each alpha.

theta(alpha) = start + c(alpha) (end - start) tensor by tensor, alpha = 0 the start and alpha = 1 the end.
Every named path has c(alpha) = alpha^e with one exponent a tensor: e = 1 walks the line, e = 0 stays at the
end for every alpha (alpha^0 is 1 at 0 too). A user's own path is a callable (tensor name, alpha) -> c.

A start other than the initial weights is another start, not another path: `zero_start`, `noise_start`, or
a second minimum's checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

import torch
from torch import nn

from simulations.models.buffers import between, is_continuous
from simulations.models.layer_depths import bias_depths
from simulations.models.roles import Roles, roles_without_running
from simulations.runtime.names_in_words import first_of
from simulations.runtime.random_streams import torch_stream

__all__ = [
    "PATHS",
    "Coefficients",
    "PathFunction",
    "noise_start",
    "path_coefficients",
    "point_on_path",
    "tensor_exponents",
    "zero_start",
]

PATHS = ("linear", "homogeneous", "weights", "bias", "last_bias")
PathFunction = Callable[[str, float], float]
Coefficients = Callable[[float], dict[str, float]]


def path_coefficients(
    model: nn.Module,
    path: str | PathFunction,
    *,
    bias_depth: Mapping[str, int] | None = None,
    roles: Roles | None = None,
) -> Coefficients:
    """Alpha -> c of every parameter by name; `path` as in `tensor_exponents`, or the user's callable.

    Raises:
        ValueError: as `tensor_exponents`; later, a callable's value that is no finite number.
    """
    if not callable(path):
        exponents = tensor_exponents(model, path, bias_depth=bias_depth, roles=roles)
        return lambda alpha: {name: alpha**exponent for name, exponent in exponents.items()}
    names = [name for name, _ in model.named_parameters()]

    def coefficients(alpha: float) -> dict[str, float]:
        values = {}
        for name in names:
            value = path(name, alpha)
            try:
                values[name] = float(value)
            except (TypeError, ValueError):
                values[name] = math.nan
            if not math.isfinite(values[name]):
                raise ValueError(f"the path gave c = {value!r} for {name!r} at alpha = {alpha}")
        return values

    return coefficients


def tensor_exponents(
    model: nn.Module,
    path: str,
    *,
    bias_depth: Mapping[str, int] | None = None,
    roles: Roles | None = None,
) -> dict[str, int]:
    """The exponent e of c(alpha) = alpha^e for every parameter of the model, by its name.

    "linear": 1 for every tensor. "homogeneous": 1 for weights, l for the bias of weight layer l, counted
    from 1 at the input (theory.md T5). "weights": weights walk, all biases are the end's.
    "bias": biases walk, all weights are the end's. "last_bias": the last bias walks, all else is the end's.
    "only:PATTERN": the parameters whose names match the pattern (`fnmatch`: "only:3.*") walk.

    Args:
        model: of which the names are.
        path: one of these.
        bias_depth: the layer of each bias for "homogeneous", instead of reading it off the model.
        roles: which parameters are biases, and which the last (`simulations.models.roles`); None: the biases
            by `roles_without_running`.

    Raises:
        ValueError: an unknown path; "bias" on a model without biases; "last_bias" where the roles name none;
            a pattern that nothing matches;
            "homogeneous" on a model whose layers' depths cannot be read off
            (`simulations.models.layer_depths`) or depths that leave a bias out.
    """
    pattern = path.removeprefix("only:") if isinstance(path, str) and path.startswith("only:") else None
    if pattern is None and path not in PATHS:
        raise ValueError(
            f"unknown path {path!r}: choose one of {', '.join(PATHS)}, only:PATTERN, or a callable"
        )
    names = [name for name, _ in model.named_parameters()]
    roles = roles_without_running(model) if roles is None else roles
    biases = [name for name in names if name in roles.biases]
    if path in ("bias", "last_bias") and not biases:
        raise ValueError(f"path {path!r} moves biases alone, but the model has none")
    if path == "last_bias" and roles.last_bias is None:
        raise ValueError(f"path 'last_bias' moves the last bias, but: {roles.no_split or 'there is none'}")
    if path == "homogeneous" and biases:
        depths = dict(bias_depth) if bias_depth is not None else bias_depths(model)
        left_out = sorted(set(biases) - set(depths))
        if left_out:
            raise ValueError(
                f"path 'homogeneous' needs the depth of every bias; none is given for {left_out}"
            )
        return {name: int(depths[name]) if name in biases else 1 for name in names}
    walking = set(names)
    if pattern is not None:
        walking = {name for name in names if fnmatchcase(name, pattern)}
        if not walking:
            raise ValueError(f"path {path!r}: no parameter matches; they are {first_of(names)}")
    elif path == "weights":
        walking -= set(biases)
    elif path in ("bias", "last_bias"):
        walking = set(biases) if path == "bias" else {str(roles.last_bias)}
    return {name: 1 if name in walking else 0 for name in names}


def point_on_path(
    start: Mapping[str, torch.Tensor],
    end: Mapping[str, torch.Tensor],
    exponents: Mapping[str, int],
    alpha: float,
) -> dict[str, torch.Tensor]:
    """The tensors named in `exponents` at one alpha, as new tensors.

    Where c is 0 or 1 the tensor is a copy of the checkpoint's, bit for bit: start + 1 (end - start) is not
    the end in floating point.
    """
    return {name: between(start[name], end[name], alpha**e) for name, e in exponents.items()}


def zero_start(end: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A start of zeros: every floating and complex tensor of `end` zeroed, others kept.

    Example:
        >>> import mli
        >>> import torch
        >>> mli.zero_start({"weight": torch.ones(2)})
        {'weight': tensor([0., 0.])}
    """
    return {n: torch.zeros_like(t) if is_continuous(t) else t.clone() for n, t in end.items()}


def noise_start(
    end: Mapping[str, torch.Tensor],
    like: Mapping[str, torch.Tensor],
    *,
    seed: int,
    order: Sequence[str] | None = None,
) -> dict[str, torch.Tensor]:
    """A start of Gaussian noise, tensor by tensor of the standard deviation of `like` (the initial weights).

    A tensor without spread there (biases at 0) is kept as in `like`; integers are `end`'s. Complex tensors
    get circular noise. Drawn from the stream "noise start", name after name: a file may hold the same
    tensors in another order, and gives the same noise.

    Args:
        end: gives names, shapes and types.
        like: the same names; the spread of each tensor is taken from it.
        seed: of the stream.
        order: every name of `end`, as drawn; None: alphabetical. The line `noise` of a run draws in the order
            of its network's state dict.

    Returns:
        A new state, its names in `end`'s order.

    Raises:
        ValueError: `order` is not the names of `end`, each once; `like` lacks one of them.
    """
    missing = [name for name in end if name not in like]
    if missing:
        raise ValueError(f"like lacks {missing[0]!r}, which end has")
    names = sorted(end) if order is None else list(order)
    if sorted(names) != sorted(end):
        raise ValueError(f"order must be the names of end, each once: {first_of(end)}; got {first_of(names)}")
    stream = torch_stream(seed, "noise start")
    start = {}
    for name in names:
        tensor = end[name]
        if not is_continuous(tensor):
            start[name] = tensor.clone()
            continue
        wide = torch.complex128 if tensor.is_complex() else torch.float64
        spread = like[name].to(wide).std(correction=0).item()
        noise = torch.randn(tensor.shape, generator=stream, dtype=wide) * spread
        start[name] = noise.to(tensor) if spread else like[name].clone()
    return {name: start[name] for name in end}
