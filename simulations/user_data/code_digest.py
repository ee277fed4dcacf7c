"""What of functions and classes a hash counts (`simulations.user_data.content_digest`).

A function counts by code, defaults, closure, attributes and the globals that its code names; of a global
module of the user's own, by the values there that the code mentions (`settings.LIMIT`, `layers.act(x)`). A
class counts by its members and bases. What a library defines counts by its name and the library's version;
a library's function also by its defaults, closure and attributes.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Set
from pathlib import Path
from typing import Any, Protocol

__all__ = ["NotHashableError", "add_class", "add_code", "add_function", "is_of_a_library"]

# Bookkeeping of Python, typing and dataclasses in a class's namespace.
_NOT_MEMBERS = {
    "__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__orig_bases__",
    "__parameters__", "__type_params__", "__abstractmethods__", "_abc_impl", "__firstlineno__",
    "__static_attributes__", "__dataclass_fields__", "__dataclass_params__", "__match_args__",
}  # fmt: skip


class NotHashableError(TypeError):
    """A value without a stable hash; the message names where it stands and its type."""


class Digest(Protocol):
    """Of `simulations.user_data.content_digest.ContentDigest`, what is used here."""

    def add(self, value: Any, name: str) -> None:
        """Add a value."""

    def words(self, *words: Any) -> None:
        """Add what is told by its `repr`."""


def add_class(digest: Digest, kind: type, name: str) -> None:
    """Add a class.

    Raises:
        NotHashableError: a member has no stable hash.
    """
    digest.words("class", kind.__module__, kind.__qualname__)
    if is_of_a_library(digest, kind.__module__):
        return
    for base in kind.__bases__:
        digest.add(base, f"a base of {name}")
    for key, member in sorted(vars(kind).items()):
        if key not in _NOT_MEMBERS:
            digest.words("member", key)
            digest.add(member, f"{name}.{key}")


def add_function(digest: Digest, function: types.FunctionType, name: str) -> None:
    """Add a function written in Python.

    Raises:
        NotHashableError: a default, a closure or an attribute has no stable hash.
    """
    digest.words("function", function.__module__, function.__qualname__)
    digest.add([function.__defaults__, function.__kwdefaults__, function.__closure__], name)
    if vars(function):
        digest.add(dict(sorted(vars(function).items())), name)
    # Not its __module__, which functools.wraps copies; made by exec without a name, it is the user's.
    written_in = function.__globals__.get("__name__")
    if written_in and is_of_a_library(digest, written_in):
        return
    digest.add(function.__code__, name)
    _add_named(digest, function.__globals__, _names(function.__code__), ())


def add_code(digest: Digest, code: types.CodeType, name: str) -> None:
    """Add what a code object does: not where it stands in its file."""
    digest.words(code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_argcount)
    digest.add(code.co_consts, name)


def is_of_a_library(digest: Digest, module: str | None) -> bool:
    """Whether a module is installed or Python's own; then its version is added."""
    root = (module or "builtins").partition(".")[0]
    if root == "__main__":
        return False
    if root in sys.stdlib_module_names or root == "builtins":
        return True
    found = sys.modules.get(root)
    file = getattr(found, "__file__", None)
    if file is None or {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts):
        return False
    digest.words(str(getattr(found, "__version__", "")))
    return True


def _add_named(digest: Digest, namespace: dict[str, Any], names: Set[str], inside: tuple[int, ...]) -> None:
    """The values of these names in a namespace, and in the user's own modules among them."""
    for key in sorted(names & namespace.keys()):
        value = namespace[key]
        digest.words("global", key)
        try:
            digest.add(value, key)
        except NotHashableError:  # a logger, a lock: what it holds cannot be known
            digest.words(type(value).__qualname__)
        if not isinstance(value, types.ModuleType) or id(value) in inside:
            continue
        if not is_of_a_library(digest, value.__name__):
            _add_named(digest, vars(value), names, (*inside, id(value)))


def _names(code: types.CodeType) -> set[str]:
    inner = (part for part in code.co_consts if isinstance(part, types.CodeType))
    return set(code.co_names).union(*map(_names, inner))
