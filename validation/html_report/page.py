"""The page as text: one HTML file with its styles, scripts, numbers and figures, and no address in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.resources import files
from typing import Any

import xarray as xr
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from validation.claims.rule_text import p_of_a_claim
from validation.html_report.blocks import blocks, legible
from validation.html_report.claim_view import plotted_claim, shown_claim
from validation.html_report.file_links import file_link
from validation.html_report.source import Figure
from validation.html_report.theorem_rows import theorem_rows
from validation.text.judged_where import verdict_there
from validation.text.where_it_holds import HEADINGS, sentence_rows

__all__ = ["LIBRARY", "filled", "render_page"]

LIBRARY = "plotly-basic.min.js"
"""npm's plotly.js-basic-dist-min, its licence beside it; CONTRIBUTING.md says how to renew it."""

_TOP = frozenset({"claims", "runs", "left_out", "centre", "level"})


def render_page(
    data: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    figures: Sequence[Figure],
    rule: str,
    dataset: xr.Dataset | None = None,
    address: str = "",
) -> str:
    """The whole page.

    Args:
        data: the report, as `validation.report.report_data` makes it; keys unknown here are shown too.
        lines: of `measured_lines`, may be empty.
        figures: to embed, may be empty.
        rule: the rule of judgement in words.
        dataset: the map of regimes (`validation.regimes.regime_map`), for where the abstract holds; or None.
        address: where the repository is, of `checked_address`: files named are links to it.

    The library that plots is embedded: plotly.js, its "basic" build as npm's plotly.js-basic-dist-min has it.
    """
    scripts = (
        *("formulas.js", "plots.js", "page.js", "figures.js"),
        *("claim_plots.js", "explorer_results.js", "explorer.js"),
    )
    claims = [shown_claim(claim, [figure.name for figure in figures]) for claim in data["claims"]]
    page: str = filled(
        "page.html",
        scripts,
        {"claims": [plotted_claim(claim) for claim in data["claims"]], "lines": lines},
        address,
        data=data,
        claims=claims,
        provenance=blocks({key: value for key, value in data.items() if key not in _TOP}),
        runs=blocks({"runs": data.get("runs", [])}),
        left_out=blocks({"left out": data.get("left_out", [])}),
        lines=lines,
        figures=figures,
        headings=HEADINGS,
        sentences=sentence_rows(data["claims"], dataset),
        map=dataset is not None,
        rule=rule,
        p_of_a_claim=p_of_a_claim(len(data["claims"])),
        theorems=theorem_rows(),
    )
    return page


def filled(template: str, scripts: Sequence[str], numbers: Any, address: str = "", **content: Any) -> str:
    """A template of this room as a page that needs no other file: all that it shows is in it.

    Args:
        template: "page.html" or "diagnosis.html".
        scripts: files of this room, in their order.
        numbers: finite numbers and words, for the scripts.
        address: where the repository is, of `checked_address`; "" for paths without links.
        content: what the template names.
    """
    pages = ("page.html", "claim.html", "explorer.html", "macros.html", "frame.html", "diagnosis.html")
    environment = Environment(
        loader=DictLoader({name: _resource(name) for name in pages}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["legible"] = legible
    environment.filters["there"] = verdict_there
    environment.filters["file"] = partial(file_link, address=address)
    return environment.get_template(template).render(
        style=Markup(_resource("page.css")),
        library=_script(_resource(LIBRARY)),
        scripts=[_script(_resource(name)) for name in scripts],
        numbers=_embedded(numbers),
        **content,
    )


def _resource(name: str) -> str:
    return files("validation.html_report").joinpath(name).read_text(encoding="utf-8")


def _script(source: str) -> Markup:
    """Inside <script>, only "</script" and "<!--" end or change what a browser reads."""
    return Markup(source.replace("</script", "<\\/script").replace("<!--", "<\\!--"))


def _embedded(numbers: Any) -> Markup:
    text = json.dumps(numbers, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))
