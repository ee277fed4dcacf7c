"""`mli theory`: what it prints is what check() found, and docs/theory is what it writes."""

import json
import shlex
import subprocess
import sys
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mli.commands import messages
from mli.commands.application import app
from mli_theory.derivations import THEOREMS, rendering
from mli_theory.derivations.derivation import Derivation, Report
from mli_theory.derivations.names import shell_name, theorem_name
from mli_theory.names_in_words import MOST_NAMES
from tests.helpers.paths import ROOT

DOCS = ROOT / "docs" / "theory"
NAMES = list(THEOREMS)


def _run(*arguments):
    return CliRunner().invoke(app, ["theory", *arguments])


def test_one_theorem_with_its_steps():
    result = _run("T12b", "--steps")
    assert result.exit_code == 0
    theorem = THEOREMS["T12b"]
    assert "Status: proved, 1 step by words" in result.output
    assert result.output.count("[BY WORDS]") == 1
    assert all(step.name in result.output for step in theorem.steps)
    assert all(str(step.claim) in result.output for step in theorem.checked_steps)


def test_one_theorem_as_latex():
    result = _run("T3", "--latex")
    assert result.exit_code == 0
    assert result.output.count(r"\[") == len(THEOREMS["T3"].checked_steps)


@pytest.fixture
def quick(monkeypatch):
    """Nothing is re-proved: what a status is, other tests tell."""
    monkeypatch.setattr(
        "mli_theory.derivations.derivation.Derivation.status", lambda self: f"status of {self.name}"
    )


def test_every_theorem_is_one_line_of_at_most_100_columns(quick):
    result = _run()
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert all(len(line) <= 100 for line in lines)
    for line, theorem in zip(lines, THEOREMS.values(), strict=False):
        assert line.split()[0] == theorem.name
        assert f"status of {theorem.name}" in line
        assert theorem.title in line


def test_why_a_theorem_is_not_proved_is_not_cut_away(monkeypatch):
    reason = "NOT PROVED (T1, step 'x', 0 = 1: could not decide)"
    monkeypatch.setattr("mli_theory.derivations.derivation.Derivation.status", lambda _: reason)
    assert all(reason in line for line in _run().output.splitlines()[: len(THEOREMS)])


def test_long_has_every_statement_and_hypothesis(quick):
    result = _run("--long")
    assert result.exit_code == 0
    for theorem in THEOREMS.values():
        assert theorem.statement in result.output
        assert f"status of {theorem.name}" in result.output
        assert all(hypothesis.text in result.output for hypothesis in theorem.hypotheses)


def test_json_says_what_the_text_says(quick):
    found = {one["name"]: one for one in json.loads(_run("--json", "--steps").output)}
    assert list(found) == NAMES
    assert found["T15"].keys() >= found["T1"].keys() - {"steps", "counterexamples"}
    for theorem in THEOREMS.values():
        one = found[theorem.name]
        assert (one["title"], one["statement"], one["status"]) == (
            theorem.title,
            theorem.statement,
            f"status of {theorem.name}",
        )
        assert [step["name"] for step in one["steps"]] == [step.name for step in theorem.steps]
        kinds = [step["kind"] for step in one["steps"]]
        assert (one["steps_by_words"], one["steps_by_machine"]) == (
            kinds.count("words"),
            len(kinds) - kinds.count("words"),
        )
    (alone,) = json.loads(_run("T4p", "--json").output)
    assert "steps" not in alone


@pytest.mark.parametrize(
    "spelt", ["T4'", "t4'", "T4p", "t4P", "T4prime", "T4-prime", "t4 prime", "T4’", "T4′", "4'", "Theorem 4'"]
)
def test_a_prime_is_spelt_in_any_sane_way(spelt):
    assert theorem_name(spelt, THEOREMS) == "T4'"


@given(st.sampled_from([*THEOREMS]), st.booleans(), st.booleans())
def test_every_name_is_found_in_any_case_and_as_a_shell_takes_it(name, upper, for_a_shell):
    text = shell_name(name) if for_a_shell else name
    assert theorem_name(text.upper() if upper else text.lower(), THEOREMS) == name


def test_no_name_that_is_offered_opens_a_quote_in_a_shell():
    offered = [_run("--help").output, _run("T99").output]
    for text in offered:
        assert "T4p" in text
    names = offered[1].partition("choose from ")[2].partition(" and ")[0].replace(",", " ")
    assert [theorem_name(word, NAMES) for word in shlex.split(names)] == NAMES[:MOST_NAMES]


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


@pytest.mark.parametrize("name", ["T17", "T", "T4b", "T10d", "", "T4''", "T1.5"])
def test_an_unknown_theorem_is_refused_with_the_names_there_are(name):
    result = _run(name)
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert f"there is no theorem {name!r}: choose from T1, T2" in line


@pytest.mark.subprocess
def test_refusing_a_word_loads_no_torch():
    script = "import sys; from mli.__main__ import main; sys.argv = ['mli', 'theory', 'T99']\n"
    script += "try:\n    main()\nexcept SystemExit as end:\n    print(end.code, 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "2 False\n"


def test_latex_is_a_form_of_its_own():
    assert _run("T3", "--latex", "--json").exit_code == 2


@pytest.fixture
def proved(monkeypatch):
    """As tests/mli_theory/derivations/test_theorems.py finds it, where every step is re-proved."""
    monkeypatch.setattr(
        Derivation, "check", lambda self: Report(len(self.checked_steps), len(self.word_steps))
    )


@pytest.mark.parametrize("theorem", THEOREMS.values(), ids=THEOREMS)
def test_the_page_in_docs_is_what_the_derivation_says(theorem, proved):
    page = (DOCS / rendering.file_name(theorem.name)).read_text(encoding="utf-8")
    assert page == rendering.as_markdown(theorem), "run: mli theory --write-docs docs/theory"


def test_the_index_in_docs_is_true_and_no_page_is_left_over(proved):
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
