"""Messages stay short whatever they speak of; CSV text is never a formula."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simulations.runtime.names_in_words import MOST_NAMES, first_names, shortened
from simulations.runtime.spreadsheet_text import spreadsheet_text


@given(st.sets(st.text()))
@example({f"name{i:07}" for i in range(100000)})
@example({"a" * 10**6})
def test_a_list_shows_at_most_twenty_names_and_counts_the_rest(names):
    text = first_names(names)
    assert len(text) <= 30000
    if len(names) > MOST_NAMES:
        assert text.endswith(f" and {len(names) - 20} more")
    elif all(len(repr(name)) <= 120 for name in names):
        assert f"[{text}]" == str(sorted(names))


@pytest.mark.parametrize(
    "value", [10**5000, "a" * 10**6, [[1]] * 1000, 3, "short"], ids=lambda v: str(type(v))
)
def test_a_value_is_shown_short(value):
    assert len(shortened(value)) <= 130


@given(st.text() | st.floats().map(str) | st.integers().map(str) | st.text().map(lambda text: f"={text}"))
@example("-0.5")
@example("+1e-3")
@example("-inf")
@example("-1 (of 3)")
@example("@SUM(A1)")
@example("=HYPERLINK(1)")
@example("\t=1")
def test_text_that_would_be_computed_is_quoted_and_numbers_are_left_alone(text):
    cell = spreadsheet_text(text)
    try:
        float(text)
    except ValueError:
        assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r")
        assert cell.removeprefix("'") == text.removeprefix("'")
    else:
        assert cell == text
