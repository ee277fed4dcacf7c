"""Whose `simulations` and `validation` is imported: ours, or those of the user's folder.

Our packages have common names, and a user's folder may hold modules of the same names. A script in such a
folder would import the user's in place of ours: `refuse_shadowed_packages` says so in one line. The command
line finds ours first; `users_packages_first` lets a user's own module see its neighbours while it is loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, TracebackType

__all__ = [
    "OUR_PACKAGES",
    "ShadowedPackageError",
    "our_packages_first",
    "refuse_shadowed_packages",
    "users_packages_first",
]

OUR_PACKAGES = ("mli_theory", "simulations", "validation", "paper_figures")
_ROOT = Path(__file__).resolve().parents[1]


class ShadowedPackageError(ImportError):
    """A package of ours is hidden by another of the same name."""


def refuse_shadowed_packages() -> None:
    """Stop where another folder's package would be imported in place of ours.

    Raises:
        ShadowedPackageError: it names the file that is found in place of our package, and says what to do. A
            script that does not catch it ends in that line, without a traceback.
    """
    for name in OUR_PACKAGES:
        found = _found(name)
        if found is None or not found.is_relative_to(_ROOT / name):
            _say_in_one_line()
            raise ShadowedPackageError(
                f"mli: {found or f'a folder {name}/'} is imported in place of {_ROOT / name}: rename it, or "
                "run from another folder (the console command `mli` works in any)"
            )


def _say_in_one_line() -> None:
    usual = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, ShadowedPackageError):
            print(error, file=sys.stderr)
        else:
            usual(kind, error, trace)

    sys.excepthook = hook


def _found(name: str) -> Path | None:
    try:
        spec = find_spec(name)
    except ValueError:  # it was imported without a spec, so it is not ours
        spec = None
    return Path(spec.origin).resolve() if spec is not None and spec.origin else None


class _Swap:
    """Modules of one folder in place of ours, kept so that a second use finds the same ones.

    While it is the user's turn it is a finder of `sys.meta_path`: the order of `sys.path` would not do, since
    an installed package comes before a folder without `__init__.py` wherever that folder stands.
    """

    def __init__(self) -> None:
        self.packages: list[str] = []
        self.kept: dict[str, ModuleType] = {}  # the modules that are not in sys.modules just now
        self.folder = ""

    def find_spec(self, name: str, *_: object, **__: object) -> ModuleSpec | None:
        """Find a shadowed package in the user's folder (the protocol of `sys.meta_path`)."""
        return PathFinder.find_spec(name, [self.folder]) if name in self.packages else None

    def turn(self) -> None:
        """Exchange the modules that are in `sys.modules` for those that are kept."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        else:
            sys.meta_path.insert(0, self)
        names = [name for name in sys.modules if name.partition(".")[0] in self.packages]
        others = {name: sys.modules.pop(name) for name in names}
        sys.modules.update(self.kept)
        self.kept = others


_swap = _Swap()


@contextmanager
def users_packages_first(folder: Path) -> Iterator[None]:
    """Inside, `import simulations` means the user's, where the folder has a module of that name.

    Of our packages only those are hidden that the folder shadows. `mli`'s names stay ours all the time.
    Afterwards ours are back; what the user's modules have imported by then, they keep. An import that their
    functions make later finds ours: so much is not promised.

    Args:
        folder: the user's, the current folder of the command line.
    """
    packages = [name for name in OUR_PACKAGES if _has_its_own(folder, name)]
    if _swap in sys.meta_path or not packages:
        yield
        return
    if str(folder) != _swap.folder:
        _swap.folder, _swap.packages, _swap.kept = str(folder), packages, {}
    _swap.turn()
    try:
        yield
    finally:
        _swap.turn()


@contextmanager
def our_packages_first() -> Iterator[None]:
    """Inside, `import simulations` means ours, also while a user's module is loaded."""
    if _swap not in sys.meta_path:
        yield
        return
    _swap.turn()
    try:
        yield
    finally:
        _swap.turn()


def _has_its_own(folder: Path, name: str) -> bool:
    """Whether the folder has Python modules of that name, and they are not ours."""
    spec = PathFinder.find_spec(name, [str(folder)])
    if spec is None or (folder / name).resolve() == _ROOT / name:
        return False
    # A folder without __init__.py is a package only if there is code in it, and not results, say.
    return spec.origin is not None or any((folder / name).glob("**/*.py"))
