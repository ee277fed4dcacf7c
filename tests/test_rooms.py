"""A room's `__init__.py` says in a few lines what lives there, and what it may import: that much is true."""

import ast
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

PACKAGES = ("mli_theory", "simulations", "validation", "paper_figures")
ROOMS = sorted(
    init.parent.relative_to(ROOT) for name in PACKAGES for init in (ROOT / name).glob("*/__init__.py")
)
FILES = [
    file.relative_to(ROOT).as_posix()
    for name in (*PACKAGES, "mli", "tests", "benchmarks")
    for file in (ROOT / name).rglob("*.py")
]


def docstring(room):
    return ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text()))


def stated(room):
    words = docstring(room).partition("May import:")[2].strip().removesuffix(".")
    return set() if words == "nothing of ours" else {word.strip() for word in words.split(",")}


def imported(room):
    """Sibling rooms and other packages of ours that the room's files import, also inside functions."""
    package, own = room.parts
    found = set()
    for file in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                top, _, rest = name.partition(".")
                inside = rest.partition(".")[0]
                if top != package and top in PACKAGES:
                    found.add(top)
                elif top == package and inside not in ("", own) and is_module(ROOT / package / inside):
                    found.add(inside)
    return found


def is_module(path: Path) -> bool:
    return path.is_dir() or path.with_suffix(".py").is_file()


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_a_room_says_what_lives_there(room):
    head, _, body = docstring(room).partition("\n\n")
    assert len(head.splitlines()) == 1
    assert 3 <= len(body.splitlines()) <= 6
    for words in ("Comes in: ", "Goes out: ", "May import: "):
        assert words in body


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_a_room_imports_exactly_what_it_says(room):
    assert imported(room) == stated(room)


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_the_files_that_a_room_names_are_there(room):
    text = docstring(room)
    for word in text.replace(",", " ").replace(";", " ").replace("(", " ").replace(")", " ").split():
        if word.endswith(".py") and "*" not in word:
            assert any(file.endswith(f"/{word}") for file in FILES), word
