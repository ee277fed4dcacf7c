"""What `mli report` reads: report.json, the figures beside it, and the curves of the runs. Nothing is run."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from simulations.runs.verified_files import DamagedRunError
from simulations.runtime.atomic_files import atomic_path, writable_folder

__all__ = ["Figure", "copy_report", "find_figures", "read_report", "told_as_misshapen"]

_MADE_BY = "make it with `mli validate`, or name another folder with --input"

IN_NUMBERS = "## In numbers"  # below it a figure's page has its numbers (paper_figures.drawing.captions)

_SOURCE, _SHIPPED = "(Data ", "(Data shipped with the package"
_NO_SOURCE = "(Where its data come from is not recorded.)"

_KINDS = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class Figure:
    """A figure's file, ready to be embedded: name, caption, itself as a data URI, its page's numbers."""

    name: str
    caption: str
    uri: str
    numbers: tuple[str, ...] = ()

    @property
    def is_drawing(self) -> bool:
        """Whether it is an SVG, which stays sharp however near, and may follow the page's colours."""
        return self.uri.startswith("data:image/svg")

    @property
    def words(self) -> str:
        """The caption without the name that stands before it."""
        return self.caption.removeprefix(f"{self.name}. ")

    @property
    def shipped(self) -> bool:
        """Whether it shows the data shipped with the package, not a user's own runs."""
        return _SHIPPED in self.caption


def read_report(folder: Path) -> dict[str, Any]:
    """The data of `folder/report.json`, as `validation.report.report_data` made it.

    Raises:
        FileNotFoundError: no report.json there; the message names the command that makes it.
        ValueError: no JSON, or not a report's.
    """
    path = folder / "report.json"
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}: {_MADE_BY}")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}): {_MADE_BY}") from error
    claims = data.get("claims") if isinstance(data, Mapping) else None
    if not isinstance(claims, list) or not all(
        isinstance(claim, Mapping) and {"id", "title", "verdict", "criteria"} <= set(claim)
        for claim in claims
    ):
        raise ValueError(f"{path} is not a report: it has no list of claims with verdicts. {_MADE_BY}")
    return dict(data)


@contextmanager
def told_as_misshapen(folder: Path) -> Iterator[None]:
    """What goes wrong in showing a report.json is said of that file: it may have been made by anything.

    Args:
        folder: of the report.json.

    Raises:
        ValueError: in place of an error that a value of another kind than a report's gives rise to.
    """
    try:
        yield
    except (DamagedRunError, UnicodeError):
        raise
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError, TemplateError) as error:
        raise ValueError(
            f"{folder / 'report.json'} is not a report ({type(error).__name__}: {error}): {_MADE_BY}"
        ) from error


def copy_report(source: Path, target: Path) -> None:
    """Copy report.json and, where there are some, report.md and the figures that it shows: the same bytes."""
    names = ["report.json", "report.md"]
    if (source / "report.md").is_file():
        text = (source / "report.md").read_text(encoding="utf-8")
        names += dict.fromkeys(re.findall(r"\]\((figures/[^/)]+)\)", text))
    for name in names:
        if _is_of(source, source / name) and (source / name).resolve() != (target / name).resolve():
            writable_folder((target / name).parent)
            with atomic_path(target / name) as temporary:
                shutil.copyfile(source / name, temporary)


def find_figures(folders: Iterable[Path]) -> list[Figure]:
    """Every figure in the folders by name, as SVG where there is one, else PNG; the first of one name.

    A symbolic link that leads out of its folder is left out. A caption is read from `<name>.txt` or
    `<name>.md` beside the figure, what it has no room for from the figure's page, `<name>.md`. It ends in
    where the numbers come from, "(Data ...)", as `mli figures` and `mli validate` write it; where it does
    not, that is said.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        files = sorted(p for p in folder.glob("[!.]*") if p.suffix in _KINDS and _is_of(folder, p))
        here: dict[str, Path] = {}
        for path in sorted(files, key=lambda p: (p.stem, p.suffix != ".svg")):
            here.setdefault(path.stem, path)
        found = here | found
    return [_figure(found[name]) for name in sorted(found, key=_natural)]


def _is_of(folder: Path, path: Path) -> bool:
    """Whether a regular file lies in its folder: a page that is passed on shows nothing from elsewhere."""
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def _figure(path: Path) -> Figure:
    beside = {suffix: path.with_suffix(suffix) for suffix in (".txt", ".md")}
    written = {s: p.read_text(encoding="utf-8").strip() for s, p in beside.items() if _is_of(path.parent, p)}
    bare = "" if IN_NUMBERS in written.get(".md", "") else written.get(".md", "")  # a caption, no page
    caption = written.get(".txt") or bare or f"{path.stem.replace('_', ' ').capitalize()}, without a caption."
    numbers = re.findall(r"^- (.+)$", written.get(".md", "").partition(IN_NUMBERS)[2], re.MULTILINE)
    if _SOURCE not in caption:
        caption = f"{caption} {_NO_SOURCE}"
    encoded = base64.b64encode(path.read_bytes()).decode("ascii")
    return Figure(path.stem, caption, f"data:{_KINDS[path.suffix]};base64,{encoded}", tuple(numbers))


def _natural(name: str) -> tuple[bool, int, str]:
    """F2 before F10; names that are not a figure's number last."""
    number = re.match(r"F(\d+)", name)
    return (False, int(number[1]), name) if number else (True, 0, name)
