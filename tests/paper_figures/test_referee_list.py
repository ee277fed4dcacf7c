"""What a referee asks of every figure: letters, typeset symbols, nothing clipped, a short caption."""

from string import ascii_lowercase

import numpy as np
import pytest
from matplotlib import rc_context

from paper_figures.catalogue import FIGURES
from paper_figures.drawing.captions import caption_text, shipped_note
from paper_figures.drawing.style import RC, SINGLE_COLUMN, finished_figure
from paper_figures.sources import figure_module, shipped_data

ROOM = 1.0  # pixels of a marker that may lie outside: less than an axis is thick

EDGE = 0.03  # inches: two points, half of the room that the layout keeps around a text


@pytest.fixture(params=FIGURES)
def named(request):
    data = shipped_data(request.param)
    assert data is not None, f"{request.param} is not shipped"
    return figure_module(request.param), data


def panels(figure):
    """The panels in the order of their letters."""
    lettered = {}
    for ax in figure.axes:
        for text in ax.texts:
            if (text.get_gid() or "").startswith("letter "):
                lettered[text.get_text()] = ax
    return lettered


@pytest.mark.slow
def test_it_is_as_a_referee_asks_at_both_widths(named):
    module, data = named
    for width in ("double", "single"):
        layout = module.layout(data).at_width(width)
        with rc_context(RC):
            figure = finished_figure(lambda axes: module.draw(axes, data), layout, shipped_note(data))
        lettered = panels(figure)
        shown = layout.rows * layout.columns - sum(not ax.axison for ax in figure.axes)
        assert sorted(lettered) == (
            [f"({letter})" for letter in ascii_lowercase[:shown]] if shown > 1 else []
        )
        if width == "single":
            assert figure.get_figwidth() == pytest.approx(SINGLE_COLUMN)
        box = figure.get_tightbbox()
        page = figure.get_size_inches()
        assert box.x0 > -EDGE, (width, "over the left edge")
        assert box.y0 > -EDGE, (width, "over the lower edge")
        assert box.x1 < page[0] + EDGE, (width, "over the right edge")
        assert box.y1 < page[1] + EDGE, (width, "over the upper edge")
        for letter, ax in lettered.items():
            (text,) = [one for one in ax.texts if one.get_text() == letter]
            assert (
                not text.get_window_extent().overlaps(ax.title.get_window_extent()) or not ax.get_title()
            ), (
                width,
                letter,
                ax.get_title(),
            )
            words = [ax.get_title(), ax.get_xlabel(), ax.get_ylabel(), *ax.get_legend_handles_labels()[1]]
            assert not any("alpha" in word.replace(r"\alpha", "") for word in words), words
            assert not any("mnist" in word or "cifar" in word for word in words), words
        assert_no_marker_is_cut(lettered.values() or figure.axes)
        if layout.legend:
            (legend,) = figure.legends
            told = {text.get_text() for text in legend.get_texts()}
            for ax in lettered.values():
                lines = [one.get_label() for one in ax.get_lines() if not one.get_label().startswith("_")]
                assert told >= set(lines)


def assert_no_marker_is_cut(axes):
    for ax in axes:
        inside = ax.get_window_extent()
        for line in ax.get_lines():
            if line.get_marker() in ("None", "", None) or not line.get_clip_on():
                continue
            points = ax.transData.transform(np.column_stack(line.get_data()).astype(float))
            half = line.get_markersize() / 72 * ax.figure.dpi / 2
            kept = points[np.isfinite(points).all(axis=1)]
            near = (
                (kept[:, 0] > inside.x0 - half)
                & (kept[:, 0] < inside.x1 + half)
                & (kept[:, 1] > inside.y0 - half)
                & (kept[:, 1] < inside.y1 + half)
            )
            for x, y in kept[near]:
                out = max(
                    inside.x0 - x + half, x + half - inside.x1, inside.y0 - y + half, y + half - inside.y1
                )
                assert out < ROOM, (ax.get_title(), line.get_label(), x, y)


def test_its_caption_has_at_most_120_words_and_no_bare_alpha(named):
    module, data = named
    caption = caption_text(module.caption(data), data)
    assert len(caption.split()) <= 120, len(caption.split())
    assert "alpha" not in caption
    assert caption.startswith(f"{data.attrs['figure']}. {module.TITLE}")
