"""Public names of a package that are imported when they are first used (PEP 562).

A package lists them once, in its `__init__.pyi`, as `from module import name as name`. Type checkers and
editors read that file; `attach` reads it at run time. So the names are said once, `dir` shows them all, and
importing the package costs nothing but this module.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["attach", "names_in"]


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make a package's `__getattr__`, `__dir__` and `__all__`.

    Args:
        package: its `__name__`.
        file: its `__file__`; the stub `__init__.pyi` lies beside it.

    Returns:
        `__getattr__`, `__dir__` and `__all__`, to be assigned to these names in the package's `__init__.py`.
    """
    homes = names_in(Path(file).with_suffix(".pyi"))

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            home = import_module(homes[name])
        except AttributeError as error:  # Python would take it for the answer that there is no such name
            raise ImportError(f"{homes[name]} could not be imported: {error}") from error
        found = getattr(home, name)
        setattr(sys.modules[package], name, found)  # from now on without a detour
        return found

    return get, lambda: sorted({*vars(sys.modules[package]), *homes}), sorted(homes)


def names_in(stub: Path) -> dict[str, str]:
    """Each name that a stub imports from a module, with that module's full name.

    Args:
        stub: a .pyi file whose imports are all of the form `from module import name as name`.
    """
    tree = ast.parse(stub.read_text(encoding="utf-8"))
    return {
        alias.name: str(node.module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
