"""The page as text: one HTML file with its styles, scripts, numbers and figures, and no address in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from validation.report_page.blocks import blocks, legible
from validation.report_page.source import Figure

__all__ = ["render_page"]

# What the templates show by name; any other key is shown as nested numbers and words.
_CLAIM = frozenset(
    {"id", "title", "statement", "source", "hypotheses", "prediction", "rule", "needs", "n_seeds_needed"}
    | {"level", "verdict", "p_support", "p_against", "p_holm", "criteria", "left_out_criteria", "checks"}
)
_CRITERION = frozenset(
    {"key", "about", "measures", "side", "threshold", "effect_size", "unit", "reason", "can_refute"}
    | {"by_seed", "undefined_seeds", "mean", "interval_95_percent", "p_support", "p_against"}
    | {"judged", "only_with", "predicted"}
)
# The claims that a figure shows, by its name up to the first underscore.
_FIGURES = {
    "F1": ("C1", "C3", "C4", "C9"),
    "F2": ("C4",),
    "F3": ("C6",),
    "F4": ("C5",),
    "F5": ("C7",),
    "F6": ("C5",),
    "F7": ("C6",),
    "F8": ("C8",),
    "F9": ("C5", "C9"),
    "F10": ("C9",),
    "F11": ("C4", "C5"),
    "F12": ("C1",),
    "centre": ("C1", "C3", "C9"),
    "plateau": ("C5",),
    "power": ("C6",),
}
_PLOTTED = (
    *("key", "by_seed", "threshold", "side", "effect_size", "unit", "mean", "interval_95_percent"),
    "predicted",
)
_CHECK = ("hypothesis", "state", "met", "of", "mean", "smallest", "largest", "how")
_TOP = frozenset({"claims", "runs", "left_out", "centre", "level"})


def render_page(
    data: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], figures: Sequence[Figure], rule: str
) -> str:
    """The whole page.

    Args:
        data: the report, as `validation.report.report_data` makes it; keys unknown here are shown too.
        lines: of `measured_lines`, may be empty.
        figures: to embed, may be empty.
        rule: the rule of judgement in words.

    The library that plots is embedded from the plotly package, so the same input gives the same bytes under
    the same version of it.
    """
    resources = {
        name: _resource(name) for name in ("page.html", "claim.html", "explorer.html", "macros.html")
    }
    environment = Environment(
        loader=DictLoader(resources),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["legible"] = legible
    scripts = ("formulas.js", "plots.js", "claim_plots.js", "explorer_results.js", "explorer.js")
    claims = [_shown(claim, [figure.name for figure in figures]) for claim in data["claims"]]
    page: str = environment.get_template("page.html").render(
        data=data,
        claims=claims,
        provenance=blocks(_rest(data, _TOP)),
        runs=blocks({"runs": data.get("runs", [])}),
        left_out=blocks({"left out": data.get("left_out", [])}),
        lines=lines,
        figures=figures,
        rule=rule,
        style=Markup(_resource("page.css")),
        library=_script(get_plotlyjs()),
        scripts=[_script(_resource(name)) for name in scripts],
        numbers=_embedded({"claims": [_plotted(claim) for claim in data["claims"]], "lines": lines}),
    )
    return page


def _shown(claim: Mapping[str, Any], figures: Sequence[str]) -> dict[str, Any]:
    """A claim as its template takes it: every known key, the others as nested numbers and words."""
    found = {key: claim.get(key) for key in _CLAIM}
    found["figures"] = [name for name in figures if claim["id"] in _FIGURES.get(name.split("_")[0], ())]
    found["checks"] = [[legible(check.get(key)) for key in _CHECK] for check in claim.get("checks") or []]
    found["criteria"] = [
        {key: criterion.get(key) for key in _CRITERION}
        | {"theory_says": _theory_says(criterion), "predicted": _predictions(criterion)}
        | {"further": blocks(_rest(criterion, _CRITERION))}
        for criterion in claim["criteria"]
    ]
    found["further"] = blocks(_rest(claim, _CLAIM | {"evidence"}))
    found["evidence"] = blocks(claim.get("evidence", {}))
    return found


def _theory_says(criterion: Mapping[str, Any]) -> str:
    """Each law's mean behind the sign that its plot has for it (SYMBOLS of claim_plots.js)."""
    laws = enumerate((criterion.get("predicted") or {}).items())
    told = [(i, name, law["mean"]) for i, (name, law) in laws if law.get("mean") is not None]
    return "; ".join(f"{'◇□△▽'[i % 4]} {legible(mean)} {name}" for i, name, mean in told)


def _predictions(criterion: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            law,
            legible(found.get("mean")),
            _range(found.get("interval_95_percent")),
            legible(found.get("measured_minus_predicted")),
            _range(found.get("measured_minus_predicted_interval_95_percent")),
        ]
        for law, found in (criterion.get("predicted") or {}).items()
    ]


def _plotted(claim: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": claim["id"], "criteria": [{key: c.get(key) for key in _PLOTTED} for c in claim["criteria"]]}


def _rest(mapping: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in known}


def _range(ends: Sequence[float | None] | None) -> str:
    return f"{legible(ends[0])} to {legible(ends[1])}" if ends else "–"


def _resource(name: str) -> str:
    return files("validation.report_page").joinpath(name).read_text(encoding="utf-8")


def _script(source: str) -> Markup:
    """Inside <script>, only "</script" and "<!--" end or change what a browser reads."""
    return Markup(source.replace("</script", "<\\/script").replace("<!--", "<\\!--"))


def _embedded(numbers: Any) -> Markup:
    text = json.dumps(numbers, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))
