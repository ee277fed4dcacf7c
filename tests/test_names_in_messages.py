"""No message lists more than twenty names: what joins names and speaks goes through `first_of`."""

import ast
from pathlib import Path

import pytest

import mli_theory
from mli_theory.names_in_words import MOST_NAMES, first_of

ROOT = Path(mli_theory.__file__).parents[1]
ROOMS = ("mli_theory", "simulations", "validation", "paper_figures", "mli")
BETWEEN = {", ", "; ", " and ", " or "}


def called(node):
    """The last name of what a call calls, "" of no call."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def known_number(node):
    """Names that are written in the code: an upper-case constant, or what a type lists."""
    if isinstance(node, ast.Name):
        return node.id.strip("_").isupper()
    return called(node) == "get_args" or (called(node) in ("map", "sorted") and known_number(node.args[-1]))


def says(node):
    """An exception that is raised, a warning, a line on the terminal."""
    return isinstance(node, ast.Raise) or called(node) in ("warn", "echo")


def lists_all(node):
    """Whether names are joined whole."""
    if called(node) != "join" or not isinstance(node.func.value, ast.Constant):
        return False
    return node.func.value.value in BETWEEN and not known_number(node.args[0])


def shows_all(node):
    """Whether an f-string shows a whole list or set."""
    shown = called(node.value) if isinstance(node, ast.FormattedValue) else ""
    return shown == "tolist" or (shown in ("list", "sorted", "set") and not known_number(node.value.args[0]))


def unbounded(source):
    """(line, text) of each list of names that a speaking function writes out whole."""
    for function in (f for f in ast.walk(ast.parse(source)) if isinstance(f, ast.FunctionDef)):
        parts = list(ast.walk(function))
        speaking = [node for node in parts if says(node)]
        found = [node for node in parts if speaking and lists_all(node)]
        found += [part for said in speaking for part in ast.walk(said) if shows_all(part)]
        yield from ((node.lineno, ast.unparse(node)) for node in found)


def test_every_message_that_lists_names_lists_the_first_ones_alone():
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for line, text in unbounded(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "said",
    [
        "raise ValueError(f\"unknown {', '.join(names)}\")",
        "raise ValueError(f'unknown {sorted(names)}')",
        "raise ValueError(f'unknown {names.tolist()}')",
        "warnings.warn('; '.join(str(n) for n in names))",
        "told = ' and '.join(map(repr, names))\n    raise ValueError(told)",
    ],
)
def test_a_message_that_lists_all_is_found(said):
    assert list(unbounded(f"def f(names):\n    {said}\n"))


@pytest.mark.parametrize("said", ["', '.join(NAMES)", "first_of(names)", "', '.join(map(repr, _NAMES))"])
def test_a_message_of_a_known_number_of_names_is_left_alone(said):
    assert not list(unbounded(f"def f(names):\n    raise ValueError({said})\n"))


@pytest.mark.parametrize("between", [", ", "; "])
def test_the_first_are_shown_and_the_rest_counted(between):
    assert first_of(range(MOST_NAMES), between=between) == between.join(map(str, range(MOST_NAMES)))
    assert first_of(range(10**6), between=between).endswith("19 and 999980 more")
    assert first_of(["a" * 500]) == "a" * 120 + "..."
