"""The map of the theory: the committed page, complete, and true of every file, claim and figure it names."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from mli_theory.derivations import THEOREMS
from paper_figures.catalogue import FIGURES
from tests.helpers.paths import ROOT
from validation.claims import CLAIMS, REGIME_CLAIMS
from validation.docs_pages.theory_map import UNDERIVED, derivation_file, theory_map_markdown
from validation.text.theory_statements import STATEMENTS

DOCS = ROOT / "docs" / "theory"
NAME = r"(?:T\d+[bc]?'?|M\d)"
RUN_THIS = "run `mli theory --write-docs docs/theory`"


def names(text: str, name: str) -> bool:
    """Whether a text names it: T4 is named by T4's and neither by T4' nor by T40; T4' by T4_prime too."""
    primed = r"(?:'(?!s\b)|p(?![A-Za-z0-9])|_prime)"
    own = name.removesuffix("'") + (primed if name.endswith("'") else rf"(?![A-Za-z0-9]|{primed})")
    return re.search(rf"(?<![A-Za-z0-9]){own}", text) is not None


def spelled_out(text: str) -> str:
    """With "T1 to T3" followed by T1 T2 T3."""
    return re.sub(
        r"T(\d+) to T(\d+)",
        lambda found: " ".join(f"T{n}" for n in range(int(found[1]), int(found[2]) + 1)),
        text,
    )


def claim_text(claim_id: str) -> str:
    """A claim's file, with the modules of validation.claims whose functions it calls."""
    text = Path(find_spec(f"validation.claims.{claim_id.lower()}").origin).read_text(encoding="utf-8")
    called = re.findall(r"^from (validation\.claims\.\w+) import", text, re.MULTILINE)
    return text + "".join(Path(find_spec(module).origin).read_text(encoding="utf-8") for module in called)


@pytest.fixture(scope="module")
def statuses():
    """As tests/mli/test_theory.py holds them true in the index; re-proving all takes 14 s."""
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    rows = [re.split(r"(?<!\\) \| ", row) for row in re.findall(r"^\| (\[T.*) \|$", index, re.MULTILINE)]
    return {re.match(rf"\[({NAME})\]", row[0])[1]: row[2] for row in rows}


def test_the_committed_page_is_what_the_code_makes(statuses):
    assert (DOCS / "map.md").read_text(encoding="utf-8") == theory_map_markdown(statuses), RUN_THIS


def test_every_statement_has_a_row_and_a_derivation_or_a_word_why_not(statuses):
    assert set(STATEMENTS) == set(THEOREMS) | set(UNDERIVED)
    assert not set(THEOREMS) & set(UNDERIVED)  # a statement that gets a derivation leaves the list
    theory = (DOCS / "theory.md").read_text(encoding="utf-8")
    headings = " ".join(re.findall(r"^#+ .*$", theory, re.MULTILINE))
    stated = re.findall(rf"\*\*({NAME}) ", theory) + re.findall(rf"\b({NAME})[, ]", headings)
    assert set(stated) == set(STATEMENTS)
    rows = re.findall(rf"^\| ({NAME}) .*\|$", theory_map_markdown(statuses), re.MULTILINE)
    assert rows == list(STATEMENTS)


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_file_exists_and_names_the_statement(name):
    for path in (*STATEMENTS[name].modules, *STATEMENTS[name].tests):
        assert names((ROOT / path).read_text(encoding="utf-8"), name), path
    assert all(path.startswith("tests/") for path in STATEMENTS[name].tests)


@pytest.mark.parametrize("name", THEOREMS)
def test_the_derivation_is_found_and_what_is_proved_is_tested(name):
    assert f'name="{name}"' in (ROOT / derivation_file(name)).read_text(encoding="utf-8")
    assert STATEMENTS[name].modules
    assert STATEMENTS[name].tests


def test_every_link_of_the_pages_leads_somewhere():
    for page in ("map.md", "README.md", "theory.md"):
        for target in re.findall(r"\]\(([^)#\s]+\.\w+)\)", (DOCS / page).read_text(encoding="utf-8")):
            assert (DOCS / target).is_file(), (page, target)


def test_every_claim_exists_and_names_what_it_is_listed_for():
    ids = {claim.id for claim in (*CLAIMS, *REGIME_CLAIMS)}
    for name, statement in STATEMENTS.items():
        assert set(statement.claims) <= ids
        for claim_id in statement.claims:
            assert names(spelled_out(claim_text(claim_id)), name), (name, claim_id)


def test_no_statement_that_a_claim_gives_as_its_source_is_left_out():
    for claim in (*CLAIMS, *REGIME_CLAIMS):
        for name, statement in STATEMENTS.items():
            if names(spelled_out(claim.source), name):
                assert claim.id in statement.claims, (name, claim.id)


def test_figures_are_listed_for_exactly_the_statements_they_name():
    for figure, module in FIGURES.items():
        text = (ROOT / "paper_figures" / "figures" / f"{module}.py").read_text(encoding="utf-8")
        named = {name for name in STATEMENTS if names(text, name)}
        assert named == {name for name, statement in STATEMENTS.items() if figure in statement.figures}
    assert {figure for statement in STATEMENTS.values() for figure in statement.figures} <= set(FIGURES)


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("T4's bump", "T4", True),
        ("T4' holds", "T4", False),
        ("T4' holds", "T4'", True),
        ("T4's bump", "T4'", False),
        ("T10b", "T10", False),
        ("test_T4_prime_is_tight", "T4'", True),
        ("test_T4_prime_is_tight", "T4", False),
        ("test_T11p_holds", "T11'", True),
        ("test_T11_holds", "T11", True),
        ("T12", "T1", False),
    ],
)
def test_a_name_is_not_taken_for_another(text, name, found):
    assert names(text, name) is found
