"""A hash of Python values by what they hold: of two that a forward pass may tell apart, never one hash.

Tensors and arrays count by type, shape and bytes; containers by their parts, in order; functions and classes
by what `simulations.user_data.code_digest` says; other objects by what `pickle` would keep of them. Nothing
is pickled and nothing is run but an object's own `__reduce_ex__`. What a library defines counts by its name.
Memory addresses never count, so a hash is the same in every process of one Python version.

Invisible remain: what code reads when it runs (the environment, files, a module imported inside a function, a
global reached by a computed name), what compiled code holds, and a function's global that has no stable hash
(a lock, a logger), which counts by its type alone.
"""

from __future__ import annotations

import copyreg
import sys
import types
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from hashlib import blake2b
from pickle import PickleError
from typing import Any

import numpy as np
import torch
from torch import nn

from simulations.user_data.code_digest import (
    NotHashableError,
    add_class,
    add_code,
    add_function,
    is_of_a_library,
)

__all__ = ["ContentDigest", "NotHashableError"]

_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis))
# A module's own bookkeeping; its hooks are added apart. In evaluation mode `training` is False.
_NOT_ATTRIBUTES = set(vars(nn.Module()))
_HOOKS = (
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
)


class ContentDigest:
    """A running hash; every value is added under a name that errors tell."""

    def __init__(self) -> None:
        self._digest = blake2b(digest_size=16)
        self._open: dict[int, int] = {}  # containers that are being added: a cycle ends there
        self._known: dict[int, tuple[int, Any]] = {}  # functions, classes and modules, added once

    def hexdigest(self) -> str:
        """32 hex digits."""
        return self._digest.hexdigest()

    def add(self, value: Any, name: str) -> None:
        """Add a value.

        Raises:
            NotHashableError: it, or a part of it, has no stable hash.
        """
        if isinstance(value, _PLAIN) and type(value) in _PLAIN:
            self.words(type(value).__name__, value)
        elif id(value) in self._known:
            self.words("known", self._known[id(value)][0])
        elif id(value) in self._open:
            self.words("around", self._open[id(value)])
        elif isinstance(value, torch.Tensor):
            self._tensor(value, name)
        elif type(value) is np.ndarray and not value.dtype.hasobject:
            self.words("array", repr(value.dtype), value.shape)
            self._digest.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
        elif isinstance(value, nn.Module):
            self.add_module(value, name, weights=True)
        elif isinstance(value, type):
            with self._once(value):
                add_class(self, value, name)
        elif isinstance(value, types.FunctionType):
            with self._once(value):
                add_function(self, value, name)
        else:
            with self._opened(value):
                self._compound(value, name)

    def add_module(self, module: nn.Module, name: str, *, weights: bool) -> None:
        """A module and all below it: classes, buffers, hooks, plain attributes, which weights are one.

        Args:
            module: in any mode; its own mode does not count.
            name: of it, for messages.
            weights: count the values in its state dict too; False where they are replaced.

        Raises:
            NotHashableError: as `add`; the message names the attribute.
        """
        # Known before their attributes are read: one that refers to a module of this tree is no second one.
        new = [(path, found) for path, found in module.named_modules() if id(found) not in self._known]
        for path, found in module.named_modules(remove_duplicate=False):
            self._known.setdefault(id(found), (len(self._known), found))
            self.words("module", path, self._known[id(found)][0])
        try:
            for path, found in new:
                self._one_module(found, f"{name}.{path}" if path else name)
            first: dict[int, str] = {}
            for path, tensor in module.named_parameters(remove_duplicate=False):
                self.words("parameter", path, first.setdefault(id(tensor), path))
                if weights:
                    self.add(tensor, f"{name}.{path}")
            replaced = set() if weights else set(module.state_dict())
            for path, buffer in module.named_buffers(remove_duplicate=False):
                self.words("buffer", path, first.setdefault(id(buffer), path))
                if path not in replaced:
                    self.add(buffer, f"{name}.{path}")
        except NotHashableError:
            for _, found in new:
                del self._known[id(found)]
            raise

    def _one_module(self, module: nn.Module, name: str) -> None:
        self.add(type(module), f"class of {name}")
        attributes = {key: value for key, value in vars(module).items() if key not in _NOT_ATTRIBUTES}
        for key in sorted(attributes):
            self.words("attribute", key)
            self.add(attributes[key], f"{name}.{key}")
        for key in _HOOKS:
            hooks = getattr(module, key)
            self.words(key, len(hooks))
            for hook in hooks.values():  # their numbers count all hooks of the process
                self.add(hook, f"{name}.{key}")

    def words(self, *words: Any) -> None:
        """Add what is told by its `repr`."""
        self._digest.update(f"{words!r}\n".encode())

    @contextmanager
    def _once(self, value: Any) -> Iterator[None]:
        self._known[id(value)] = len(self._known), value
        try:
            yield
        except NotHashableError:
            del self._known[id(value)]
            raise

    @contextmanager
    def _opened(self, value: Any) -> Iterator[None]:
        self._open[id(value)] = len(self._open)
        try:
            yield
        finally:
            del self._open[id(value)]

    def _tensor(self, value: torch.Tensor, name: str) -> None:
        self.words("tensor", str(value.dtype), tuple(value.shape), type(value).__qualname__)
        try:
            flat = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
            self._digest.update(flat.view(torch.uint8).numpy().data)
        except (RuntimeError, TypeError) as error:  # sparse, quantised, on no device
            raise NotHashableError(f"{name} is a tensor whose bytes cannot be read ({error})") from error
        if vars(value):  # what a user hung on it
            with self._opened(value):
                self._mapping(dict(sorted(vars(value).items())), name)

    def _compound(self, value: Any, name: str) -> None:
        kind = type(value)
        self.words(kind.__module__, kind.__qualname__)
        if isinstance(value, types.ModuleType):
            self.words(value.__name__)
        elif isinstance(value, weakref.ref):
            self.add(value(), name)
        elif kind in (list, tuple, torch.Size) or (isinstance(value, tuple) and hasattr(value, "_fields")):
            self.words(len(value))
            for index, part in enumerate(value):
                self.add(part, f"{name}[{index}]")
        elif kind is dict or isinstance(value, types.MappingProxyType):
            self._mapping(value, name)
        elif kind in (set, frozenset):
            self.words(sorted(map(_digest_of_part(name), value)))
        elif isinstance(value, types.CodeType):
            add_code(self, value, name)
        elif isinstance(value, types.CellType):
            self._cell(value, name)
        elif isinstance(value, types.MethodType):
            self.add([value.__func__, value.__self__], name)
        elif isinstance(value, (staticmethod, classmethod, property, cached_property)):
            inner = ("__func__", "fget", "fset", "fdel", "func")
            self.add([getattr(value, key, None) for key in inner], name)
        elif isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType)):
            self.words(value.__name__)
        else:
            self._reduced(value, name)

    def _mapping(self, value: Mapping[Any, Any], name: str) -> None:
        self.words(len(value))
        for key, part in value.items():
            self.add(key, f"a key of {name}")
            self.add(part, f"{name}[{key!r}]")

    def _reduced(self, value: Any, name: str) -> None:
        """By what pickle would write."""
        kind = type(value)
        try:
            reduce = copyreg.dispatch_table.get(kind)
            parts = value.__reduce_ex__(4) if reduce is None else reduce(value)
        except (TypeError, ValueError, AttributeError, RuntimeError, PickleError) as error:
            raise NotHashableError(f"{name} of type {kind.__qualname__} has no stable hash") from error
        if isinstance(parts, str):
            self._named(value, parts, name)
            return
        self.add(kind, f"class of {name}")
        for part in parts:
            self.add(list(part) if isinstance(part, Iterator) else part, name)

    def _named(self, value: Any, known_as: str, name: str) -> None:
        """What `pickle` would look up by its name: of a library, or a function that another one wraps."""
        module = getattr(value, "__module__", None) or type(value).__module__
        self.words(module, known_as)
        if hasattr(value, "__wrapped__"):  # functools.lru_cache
            self.add(vars(value), name)
            return
        found = getattr(sys.modules.get(module), known_as.rpartition(".")[2], None)
        if found is not value or not is_of_a_library(self, module):
            raise NotHashableError(f"{name} of type {type(value).__qualname__} is known by its name alone")

    def _cell(self, cell: types.CellType, name: str) -> None:
        try:
            content = cell.cell_contents
        except ValueError:  # a name that has no value yet
            self.words("empty")
            return
        self.add(content, f"a closure of {name}")


def _digest_of_part(name: str) -> Any:
    def digest(part: Any) -> str:
        own = ContentDigest()
        own.add(part, f"a member of {name}")
        return own.hexdigest()

    return digest
