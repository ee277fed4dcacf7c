"""Evidence of any shape becomes Markdown: every number and word is shown, what is empty is left out."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from validation.html_report.blocks import blocks
from validation.text.evidence_text import evidence_lines, evidence_markdown

WORDS = st.from_regex(r"[a-z]{3,8}", fullmatch=True)
SEEDS = st.dictionaries(st.sampled_from(["100", "101"]), st.none() | st.floats(-1e3, 1e3))
CELLS = st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-1e3, 1e3) | WORDS
SUMMARIES = st.builds(lambda by_seed: {"mean": 0.5, "by_seed": by_seed}, SEEDS)
VALUES = st.recursive(
    CELLS | SUMMARIES | SEEDS.map(lambda by_seed: {"by_seed": by_seed}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


def told(value):
    """The words of all leaves and of the keys that lead to one, found by a plain walk."""
    if isinstance(value, dict) and "by_seed" not in value:
        below = {key: told(item) for key, item in value.items()}
        return {word for key, words in below.items() if words for word in {key.replace("_", " ")} | words}
    if isinstance(value, list):
        return {word for item in value for word in told(item)}
    return {value if isinstance(value, str) else ""}


@example({"arms": {"width=8": {}, "width=16": {}}})  # own sweeps: no arm has a run, every row is empty
@example({"arms": {"width=8": {}, "width=16": {"rise": {}}}})
@example({"arms": [{"rise": 1.0}, {}]})
@settings(max_examples=60)
@given(st.dictionaries(WORDS, VALUES, max_size=3))
def test_evidence_of_any_shape_is_shown(evidence):
    text = "\n".join(evidence_lines(evidence))
    assert all(word in text for word in told(evidence))
    assert evidence_markdown([{"id": "C1", "title": "t", "evidence": evidence}]).startswith("# Further")


@settings(max_examples=60)
@given(st.dictionaries(WORDS, VALUES, max_size=3))
def test_the_page_shows_it_too(evidence):
    assert all(word in str(blocks(evidence)) for word in told(evidence))


def test_what_is_empty_has_no_label():
    assert list(evidence_lines({"arms": {"width=8": {}, "width=16": {}}, "rises": {"a": {}}})) == []


def test_a_summary_a_range_and_a_table():
    seeds = {"mean": 0.25, "by_seed": {"100": 0.125, "101": 0.375, "102": None}}
    assert list(evidence_lines({"plateau_end": seeds, "range": [1.0, 2.0]})) == [
        "- plateau end: 0.25 (0.125 to 0.375)",
        "- range: 1 to 2",
    ]
    rows = {"centre": {"rise": 0.5, "held": True}, "other": {"rise": None, "held": False}, "empty": {}}
    assert list(evidence_lines({"by_arm": rows}))[:5] == [
        "- by arm:\n",
        "| | rise | held |",
        "| --- | --- | --- |",
        "| centre | 0.5 | yes |",
        "| other | – | no |",
    ]
