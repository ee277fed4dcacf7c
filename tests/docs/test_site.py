"""The site's pages, without building it: each is reached, each link leads somewhere; tutorials are short."""

import ast
import importlib
import re
from pathlib import Path, PurePosixPath

import pytest

from paper_figures.catalogue import FIGURES
from site_pages.claims import ALL_CLAIMS, claim_files, claim_page
from site_pages.everything import text_pages
from site_pages.figures import figure_page
from site_pages.interface import DOORS, names_of_door
from site_pages.links import adopted_pages, rewritten, target_on_site
from site_pages.theorems import uses_of_theorem
from tests.helpers.paths import ROOT

DOCS = ROOT / "docs"
WRITTEN = [*DOCS.glob("*.md"), *(DOCS / "theory").glob("*.md")]
GALLERY = sorted((DOCS / "gallery").glob("*.py"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
PACKAGES = {"mli", "mli_theory", "simulations", "validation", "paper_figures"}


@pytest.fixture(scope="module")
def pages():
    """Every page of the site but what is drawn or run: its path in docs/ and its text as Sphinx reads it."""
    found = text_pages(DOCS)
    for name in FIGURES:
        found[f"generated/figures/{name}.md"] = figure_page(name, "")
    for path in WRITTEN:
        name = str(path.relative_to(DOCS))
        uses = uses_of_theorem(path.stem) if re.match(r"theory/T\d", name) else ""
        found[name] = rewritten(path.read_text() + uses, path, DOCS)
    return found


def known(pages, name):
    """Whether there is a page with this name, or it is one that only the build makes."""
    made = {"generated/command_line", "generated/figures/index", "tutorials/index"}
    made |= {f"tutorials/{path.stem}" for path in GALLERY}
    stem = re.sub(r"\.(md|rst)$", "", name)
    return stem in made or any(f"{stem}{suffix}" in pages for suffix in (".md", ".rst"))


def toctree_entries(name, text):
    for block in re.findall(r"```\{toctree\}\n(.*?)```", text, flags=re.DOTALL):
        for line in block.splitlines():
            if line and not line.startswith(":"):
                yield str(PurePosixPath(name).parent / line)


def test_every_page_is_reached_from_the_first_one(pages):
    reached, ahead = set(), ["index"]
    while ahead:
        name = ahead.pop()
        assert known(pages, name), f"a toctree names {name}, which is not there"
        if name not in reached:
            reached.add(name)
            ahead += toctree_entries(name, pages.get(f"{name}.md", ""))
    figures = {f"generated/figures/{name}" for name in FIGURES}  # in the toctree of a page that is drawn
    orphans = {name for name, text in pages.items() if re.match(r"---\norphan: true|:orphan:", text)}
    left = {re.sub(r"\.(md|rst)$", "", name) for name in {*pages} - orphans} - reached - figures
    assert left == set()


def test_every_link_leads_to_a_page_or_a_file(pages):
    wrong = []
    for name, text in pages.items():
        if name.startswith("generated/code/"):
            text = text.partition("```")[0]  # what follows is source
        for link in LINK.findall(re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)):
            target = link.partition("#")[0]
            if not target or re.match(r"[a-z]+:", target):
                continue
            inside = target[1:] if target.startswith("/") else str(PurePosixPath(name).parent / target)
            inside = str(Path(DOCS / inside).resolve().relative_to(ROOT))
            page = inside.removeprefix("docs/")
            drawn = page.startswith("generated/drawn/")
            if not (drawn or known(pages, page) or (ROOT / inside).is_file()):
                wrong.append((name, link))
    assert wrong == []


def test_every_anchor_of_a_written_page_is_a_heading_of_its_target():
    wrong = []
    for path in (*WRITTEN, ROOT / "README.md"):
        for link in LINK.findall(path.read_text()):
            file, _, anchor = link.partition("#")
            target = (path.parent / file).resolve() if file else path
            if anchor and target.suffix == ".md" and "generated" not in file and not file.startswith("http"):
                headings = re.findall(r"^#+ (.*)$", target.read_text(), flags=re.MULTILINE)
                slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
                if anchor not in slugs:
                    wrong.append((path.name, link))
    assert wrong == []


@pytest.mark.parametrize("claim", ALL_CLAIMS, ids=lambda claim: claim.id)
def test_a_claims_page_and_what_it_links_to_know_each_other(claim, pages):
    page = claim_page(claim, DOCS)
    code, tests = claim_files(claim)
    back = f"/generated/claims/{claim.id}.md"
    for file in (code, *tests):
        assert f"/generated/code/{file}.md" in page
        assert back in pages[f"generated/code/{file}.md"]
    assert "**refuted**" not in page  # never without its networks
    figures = re.findall(r"/generated/figures/(F\w+)\.md", page)
    assert figures
    assert all(back in pages[f"generated/figures/{name}.md"] for name in figures)
    for theorem in re.findall(r"/theory/(T\w+)\.md", page):
        assert back in pages[f"theory/{theorem}.md"]
    assert all(criterion.measures.replace("|", r"\|") in page for criterion in claim.criteria)


def test_every_public_name_has_a_page_and_stands_in_a_list(pages):
    listed = pages["generated/reference/mli.md"]
    for door in DOORS:
        names = set(importlib.import_module(door).__all__) - {"__version__"}
        assert names == set(names_of_door(door))
        for name in names:
            assert f"generated/api/{door}.{name}.rst" in pages
            assert listed.count(f"[`{door}.{name}`]") == 1


def test_adopted_pages_are_there():
    assert all((ROOT / path).is_file() for path in adopted_pages())


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(DOCS)))
def test_a_page_has_one_title_and_no_link_whose_words_markdown_reads_as_bold(path):
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(re.findall(r"^# ", text, flags=re.MULTILINE)) == 1
    assert not re.search(r"\[__\w+__", text)


def test_the_figures_have_one_page_on_the_site():
    target = target_on_site("docs/figures/F1.md", ROOT / "CHANGELOG.md", DOCS)
    assert target == "/generated/figures/F1.md"
    settings = (DOCS / "conf.py").read_text()
    (left_out,) = re.findall(r"^exclude_patterns = \[\n(.*?)^\]", settings, flags=re.MULTILINE | re.DOTALL)
    assert '"figures",' in left_out
    assert '"generated/drawn",' in left_out


def test_there_are_twelve_tutorials():
    assert [path.name[:2] for path in GALLERY] == [f"{number:02}" for number in range(1, 13)]


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_a_tutorial_is_short_has_a_title_and_uses_the_public_door(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 40
    tree = ast.parse(text)
    title, underline = (ast.get_docstring(tree) or "").splitlines()[:2]
    assert underline == "=" * len(title)
    imported = [one for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names]
    modules = {one.name for one in imported}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    ours = {module for module in modules if module.partition(".")[0] in PACKAGES}
    assert "mli" in ours
    assert ours <= set(DOORS)


def test_make_docs_takes_warnings_for_errors():
    assert re.search(
        r"^docs:.*\n\t.*sphinx .*--fail-on-warning", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert "make docs" in (ROOT / ".ci" / "run").read_text().splitlines()
