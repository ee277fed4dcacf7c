"""`mli theory`: what it prints is what check() found, and docs/theory is what it writes."""

from io import StringIO

import pytest
from typer.testing import CliRunner

from mli.commands import messages
from mli.commands.application import app
from mli_theory.derivations import THEOREMS, rendering
from tests.helpers.paths import ROOT

DOCS = ROOT / "docs" / "theory"


def _run(*arguments):
    return CliRunner().invoke(app, ["theory", *arguments])


def test_one_theorem_with_its_steps():
    result = _run("T10", "--steps")
    assert result.exit_code == 0
    theorem = THEOREMS["T10"]
    assert "Status: proved, 2 steps by words" in result.output
    assert result.output.count("[BY WORDS]") == 2
    assert all(step.name in result.output for step in theorem.steps)
    assert all(str(step.claim) in result.output for step in theorem.checked_steps)


def test_one_theorem_as_latex():
    result = _run("T3", "--latex")
    assert result.exit_code == 0
    assert result.output.count(r"\[") == len(THEOREMS["T3"].checked_steps)


def test_the_table_lists_every_theorem(monkeypatch):
    monkeypatch.setattr(
        "mli_theory.derivations.derivation.Derivation.status", lambda self: f"status of {self.name}"
    )
    result = _run()
    assert result.exit_code == 0
    for theorem in THEOREMS.values():
        assert theorem.statement in result.output
        assert f"status of {theorem.name}" in result.output


def test_a_terminal_is_told_what_is_being_proved_and_a_pipe_is_not(monkeypatch, capsys):
    class Terminal(StringIO):
        def isatty(self):
            return True

    with messages.said_on_a_terminal("re-proving T1"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(messages.sys, "stderr", Terminal())
    with messages.said_on_a_terminal("re-proving T1"):
        assert messages.sys.stderr.getvalue() == "re-proving T1 ..."
    assert messages.sys.stderr.getvalue().endswith("\r\033[K")


def test_an_unknown_theorem_is_refused_with_the_names_there_are():
    result = _run("T15")
    assert result.exit_code != 0
    assert "T15" in str(result.exception) or "T15" in result.output


@pytest.mark.parametrize("theorem", THEOREMS.values(), ids=THEOREMS)
def test_the_page_in_docs_is_what_the_derivation_says(theorem):
    page = (DOCS / rendering.file_name(theorem.name)).read_text(encoding="utf-8")
    assert page == rendering.as_markdown(theorem), "run: mli theory --write-docs docs/theory"


def test_the_index_in_docs_is_true_and_no_page_is_left_over():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert index == rendering.index_markdown(THEOREMS.values()), "run: mli theory --write-docs docs/theory"
    # theory.md is written by hand.
    wanted = {"README.md", "map.md", "theory.md", *map(rendering.file_name, THEOREMS)}
    assert {page.name for page in DOCS.glob("*.md")} == wanted


def test_the_pages_are_written_with_their_index_and_map(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "mli_theory.derivations.derivation.Derivation.status", lambda self: f"status of {self.name}"
    )
    result = _run("--write-docs", str(tmp_path / "new"))
    assert result.exit_code == 0
    written = {page.name: page.read_text(encoding="utf-8") for page in (tmp_path / "new").iterdir()}
    assert set(written) == {"README.md", "map.md", *map(rendering.file_name, THEOREMS)}
    for theorem in THEOREMS.values():
        said = f"status of {theorem.name}"
        assert all(said in written[page] for page in ("map.md", rendering.file_name(theorem.name)))
