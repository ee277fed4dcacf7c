"""benchmarks/README.md names every script, with a command that is there, and every page of numbers."""

import importlib
import re
import sys

import pytest

from tests.helpers.paths import ROOT

FOLDER = ROOT / "benchmarks"
INDEX = (FOLDER / "README.md").read_text()
TEXTS = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.py"))}
SCRIPTS = [name for name, text in TEXTS.items() if '__name__ == "__main__"' in text]


def test_there_are_scripts():
    assert len(SCRIPTS) > 15


def test_every_command_of_the_index_is_a_script_and_every_script_has_one():
    commands = re.findall(r"`[^`]*python -m benchmarks\.(\w+)[^`]*`", INDEX)
    assert sorted(commands) == SCRIPTS
    for name in set(TEXTS) - set(SCRIPTS):
        assert f"`{name}.py`" in INDEX


@pytest.mark.parametrize("name", SCRIPTS)
def test_its_docstring_gives_the_same_command(name):
    commands = re.findall(r"^    (.*python -m benchmarks\.\w+)", TEXTS[name], flags=re.MULTILINE)
    assert commands
    assert f"`{commands[0]}" in INDEX
    assert all(command.endswith(f" benchmarks.{name}") for command in commands)


def test_every_page_and_table_of_numbers_is_linked_and_every_link_leads_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", INDEX)
    assert all((FOLDER / link).is_file() for link in links)
    kept = {path.name for path in FOLDER.iterdir() if path.suffix in (".md", ".csv", ".svg")} - {"README.md"}
    assert kept <= set(links)


def test_every_section_that_the_index_names_is_there():
    named = re.findall(r'\]\(([^)]+)\), "([^"]+)"', INDEX)
    assert named
    for link, section in named:
        headings = re.findall(r"^## (.*)$", (FOLDER / link).read_text(), flags=re.MULTILINE)
        assert any(heading.startswith(section) for heading in headings), (link, section)


@pytest.mark.parametrize("name", TEXTS)
def test_it_can_be_imported_and_shows_its_help(name, monkeypatch, capsys):
    """So that a module that was renamed or moved is missed here, not at the next measurement."""
    script = importlib.import_module(f"benchmarks.{name}")
    if "argparse" not in TEXTS[name]:
        return
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    monkeypatch.setenv("COLUMNS", "200")  # no line of the docstring is broken
    with pytest.raises(SystemExit) as stopped:
        script.main()
    assert stopped.value.code == 0
    assert script.__doc__.splitlines()[0] in capsys.readouterr().out
