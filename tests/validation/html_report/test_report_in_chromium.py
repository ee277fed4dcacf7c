"""The page in a real browser: quiet, by itself, right, usable by keyboard and on a phone."""

import json

import numpy as np
import pytest

from mli_theory import loss_bump, plateau, plateau_law, predict_curves
from tests.validation.helpers.chromium import browser, find_chromium, open_tab
from tests.validation.helpers.page_formulas import PageFormulas
from tests.validation.helpers.reported import validated
from validation.html_report.write import write_report_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        find_chromium() is None, reason="no chromium here: install Debian's to try the report in a browser"
    ),
]
PATHS = ("linear", "homogeneous", "none")
ALPHAS = [i / 200 for i in range(201)]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    validated(folder, seeds=range(100, 106))
    long = "practical_networks/network=resnet18,batch_norm=true,bias=none,width_multiplier=0.25"
    data = json.loads((folder / "report.json").read_text())
    data["runs"] = [*data["runs"], data["runs"][0] | {"arm": long}]
    data["claims"][0]["evidence"] |= {long: {long: 1.0}, "words": long.replace(",", "")}
    (folder / "report.json").write_text(json.dumps(data))
    return write_report_page(folder, folder / "store", folder / "none", folder).as_uri()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as address:
        yield address


@pytest.fixture(scope="module")
def tab(address, url):
    """The page on a desk's screen, light; a test leaves it as it found it or reloads."""
    with open_tab(address) as tab:
        tab.screen(1280, 900)
        tab.open(url)
        yield tab


@pytest.fixture(scope="module")
def formulas():
    return PageFormulas()


def move(tab, slider, value):
    """As a hand moves it: the value, then the event; drawn when this returns."""
    tab.evaluate(
        f"""(() => {{
          const slider = document.getElementById("{slider}");
          slider.value = {value!r};
          slider.dispatchEvent(new Event("input", {{ bubbles: true }}));
        }})()"""
    )
    tab.next_frame()


def choose(tab, select, value):
    """As a hand chooses from a list."""
    tab.evaluate(
        f"document.getElementById('{select}').value = '{value}',"
        f"document.getElementById('{select}').dispatchEvent(new Event('change'))"
    )
    tab.next_frame()


def sliders(tab):
    return tab.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.controls input')].map((e) => [e.id, +e.value]))"
    )


def drawn(tab, plot):
    """The traces that plotly holds and shows: x and y of each."""
    return tab.evaluate(
        f"document.getElementById('{plot}').data.map(({{x, y}}) => ({{x: [...x], y: [...y]}}))"
    )


def results(tab):
    return dict(
        tab.evaluate(
            "[...document.querySelectorAll('#explorer-results tbody tr')].map((row) =>"
            " [row.cells[0].textContent, row.cells[1].textContent])"
        )
    )


def network(formulas, at):
    return formulas(
        "exampleNetwork",
        {
            "nClasses": at["classes"],
            "signal": at["signal"],
            "signalSpread": at["signal-spread"],
            "biasGap": at["bias-gap"],
            "biasSpread": at["bias-spread"],
        },
    )


def assert_curves_are(tab, signal, bias, labels, degree, formulas):
    """Those drawn, beside the same file in quickjs (1e-6) and beside mli_theory."""
    for which, path in enumerate(PATHS):
        expected = formulas("predictCurves", signal, bias, labels, degree, ALPHAS, path)
        theory = predict_curves(signal, bias, labels, degree, ALPHAS, path)
        for quantity, first in (("loss", 0), ("error", 1)):
            trace = drawn(tab, f"explorer-{quantity}")[which]
            assert trace["x"] == ALPHAS[first:]
            np.testing.assert_allclose(trace["y"], expected[quantity][first:], rtol=0, atol=1e-6)
            np.testing.assert_allclose(trace["y"], getattr(theory, quantity)[first:], rtol=0, atol=1e-6)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_complained_of_and_nothing_is_fetched(address, url, dark):
    with open_tab(address) as tab:
        tab.screen(1280, 900, dark=dark)
        tab.open(url)
        # Through all that the page can do, so that nothing is left unsaid.
        for preset in ("shallow", "equal", "bump", "law", "deep"):
            tab.evaluate(f"document.querySelector('[data-preset={preset}]').click()")
            tab.next_frame()
        tab.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        tab.next_frame()
        for theme in ("light", "dark", ""):
            choose(tab, "theme", theme)
        assert tab.complaints() == []
        asked = tab.requests()
    assert asked[0] == url
    assert all(address.startswith("data:") for address in asked[1:])


def test_a_complaint_would_be_heard(tab, url):
    tab.evaluate("console.error('planted'), setTimeout(() => undefined_name), 0")
    tab.evaluate("fetch('https://example.org/').catch(() => 0)")
    tab.evaluate("new Promise((done) => setTimeout(done))")
    assert len(tab.complaints()) >= 3  # the message, the exception, and the policy that refuses the fetch
    assert not any("example.org" in address for address in tab.requests())
    tab.open(url)


@pytest.mark.filterwarnings(r"ignore:T4 \(the bump\) is good where:UserWarning")  # numbers are compared
def test_a_slider_moves_the_curves_to_the_formulas_values(tab, formulas):
    before = drawn(tab, "explorer-loss")
    for slider, value in (
        ("degree", 9),
        ("classes", 7),
        ("signal", 20.5),
        ("signal-spread", 0.25),
        ("bias-gap", 4.3),
        ("bias-spread", 1.1),
    ):
        move(tab, slider, value)
        at = sliders(tab)
        assert at[slider] == value
        made = network(formulas, at)
        problem = made["signal"], made["bias"], made["labels"], at["degree"]
        assert_curves_are(tab, *problem, formulas)
    assert drawn(tab, "explorer-loss") != before
    shown = results(tab)
    assert float(shown["α₂, end of the plateau (T2)"]) == pytest.approx(plateau(*problem).end, rel=1e-2)
    bump = loss_bump(*problem)
    assert shown["the loss rises first by (T4)"] == f"{bump.height:.3g} nats at α = {bump.alpha:.3g}"


def test_logits_scaled_to_a_final_loss_end_there(tab, formulas):
    tab.evaluate("document.querySelector('[data-preset=deep]').click()")
    move(tab, "scale", "scaled")
    for power in (-1, -6):
        move(tab, "final-loss", power)
        made = network(formulas, sliders(tab))
        factor = formulas("logitScale", made["signal"], made["bias"], made["labels"], 10**power)
        signal, bias = factor * np.array(made["signal"]), factor * np.array(made["bias"])
        assert_curves_are(tab, signal.tolist(), bias.tolist(), made["labels"], 6, formulas)
        assert drawn(tab, "explorer-loss")[0]["y"][-1] == pytest.approx(10**power, rel=1e-6)
        assert float(results(tab)["factor of the logits"]) == pytest.approx(factor, rel=1e-2)


@pytest.mark.parametrize("regime", ["small_scale", "small_loss"])
def test_the_plateau_law_moves_with_degree_classes_and_final_loss(tab, regime):
    move(tab, "scale", regime)
    for degree, classes, power in ((3, 4, -4), (5, 10, -8)):
        for slider, value in (("degree", degree), ("classes", classes), ("final-loss", power)):
            move(tab, slider, value)
        law = plateau_law(classes, degree, 10.0**power, regime)
        # T2 on the network made of the law's gap and signal is the law's own plateau end.
        shown = results(tab)
        assert shown["α₂, end of the plateau (T2)"] == f"{law.plateau_end:.3g}"
        curve = drawn(tab, "explorer-law")[("small_scale", "small_loss").index(regime)]
        ends = [
            plateau_law(classes, degree, loss, regime).plateau_end
            for loss, end in zip(curve["x"], curve["y"], strict=True)
            if end is not None
        ]
        assert len(ends) > 100
        np.testing.assert_allclose([y for y in curve["y"] if y is not None], ends, rtol=1e-9)
    assert tab.evaluate("document.getElementById('signal').disabled")


def test_settings_without_a_network_say_why_and_recover(tab):
    move(tab, "scale", "small_scale")
    move(tab, "degree", 2)
    assert "degree >= 3, got 2" in tab.evaluate("document.getElementById('explorer-summary').textContent")
    assert drawn(tab, "explorer-loss") == drawn(tab, "explorer-error") == []  # nothing stale
    assert results(tab) == {}
    tab.evaluate("document.querySelector('[data-preset=equal]').click()")
    tab.next_frame()
    assert "no single class" in tab.evaluate("document.getElementById('explorer-summary').textContent")
    assert results(tab)["α₂, end of the plateau (T2)"] == "none"


def test_the_slider_works_by_keyboard(tab, formulas):
    tab.evaluate("document.querySelector('[data-preset=deep]').click()")
    tab.next_frame()
    tab.evaluate("document.querySelector('[data-preset=law]').focus()")
    tab.press("Tab")  # the first slider follows the last button
    assert tab.evaluate("document.activeElement.id") == "degree"
    tab.press("ArrowRight")
    tab.wait_for("document.getElementById('degree-shown').textContent === '7'")
    made = network(formulas, sliders(tab))
    assert_curves_are(tab, made["signal"], made["bias"], made["labels"], 7, formulas)
    tab.press("End")
    tab.wait_for("document.getElementById('degree-shown').textContent === '12'")
    assert tab.evaluate("document.getElementById('degree').getAttribute('aria-valuetext')") == "12"
    ring = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"  # the focus is seen


def test_measured_lines_are_those_chosen(tab):
    choice = tab.evaluate("[...document.getElementById('line-second').options].map((o) => o.text)")
    which = next(i for i, text in enumerate(choice) if text.startswith("bias-none"))
    choose(tab, "line-second", which)
    lines = tab.evaluate("JSON.parse(document.getElementById('numbers').textContent).lines")
    shown = drawn(tab, "line-error")
    assert [trace["y"] for trace in shown[3:]] == [lines[which]["error"][k] for k in ("low", "high", "mean")]
    assert shown[2]["y"] == lines[0]["error"]["mean"]


def test_the_colours_follow_the_switch(tab):
    def page():
        return tab.evaluate("getComputedStyle(document.body).backgroundColor")

    def curve():
        return tab.evaluate("document.getElementById('explorer-loss').data[0].line.color")

    light = page(), curve()
    for theme, differs in (("dark", True), ("light", False), ("", False)):
        choose(tab, "theme", theme)
        assert ((page(), curve()) != light) == differs
    tab.screen(1280, 900, dark=True)
    tab.next_frame()
    assert page() != light[0]
    tab.wait_for(f"document.getElementById('explorer-loss').data[0].line.color !== '{light[1]}'")
    tab.screen(1280, 900)


def test_the_contents_stay_in_view_and_tell_where_one_is(tab, url):
    tab.open(url)
    for section in ("verdicts", "claims"):
        tab.evaluate(f"document.getElementById('{section}').scrollIntoView({{ behavior: 'instant' }})")
        tab.wait_for(f"document.querySelector('#contents a[href=\"#{section}\"]').ariaCurrent === 'true'")
        box = tab.evaluate(
            "(({top, bottom}) => [top, bottom])(document.getElementById('contents').getBoundingClientRect())"
        )
        assert -1 <= box[0] < box[1] <= 900


def test_a_figure_is_enlarged_and_closed_by_keyboard(tab, url):
    tab.open(url)
    tab.evaluate("document.querySelector('.enlarge').focus(), document.querySelector('.enlarge').click()")
    assert tab.evaluate("document.getElementById('viewer').open")
    assert tab.evaluate("document.querySelector('.stage img').style.width") == "100%"
    tab.evaluate("document.querySelector('[data-zoom=\"1.25\"]').click()")
    assert tab.evaluate("document.querySelector('.stage img').style.width") == "125%"
    tab.evaluate("document.getElementById('viewer-close').click()")
    assert not tab.evaluate("document.getElementById('viewer').open")
    for theme, turned in (("dark", True), ("light", False)):
        choose(tab, "theme", theme)
        look = tab.evaluate("getComputedStyle(document.querySelector('.follows')).filter")
        assert look.startswith("invert") == turned
    choose(tab, "theme", "")


def test_tables_are_saved_as_a_program_reads_them(tab, url):
    tab.open(url)
    told = tab.evaluate(
        "page.csv([['a, b', '=1+1', page.plain('−1.23 × 10⁻¹²'), page.plain('123\\u202f456'), 'say "
        '"x"\', null]])'
    )
    assert told == '"a, b",\'=1+1,-1.23e-12,123456,"say ""x""",\n'
    buttons, tables = tab.evaluate(
        "[document.querySelectorAll('caption .download').length, document.querySelectorAll('table').length]"
    )
    assert buttons == tables > 10
    tab.evaluate(
        "window.saved = null, URL.createObjectURL = (blob) => { window.saved = blob; return 'blob:none'; },"
        "HTMLAnchorElement.prototype.click = () => 0, document.querySelector('#verdicts .download').click()"
    )
    first = tab.evaluate("window.saved.text()").splitlines()
    assert first[0].startswith("claim,verdict,")
    assert len(first) > 9
    tab.open(url)


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_is_wider_than_a_phone(tab, url, width):
    tab.screen(width, 800, mobile=True)
    tab.open(url)
    tab.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    tab.next_frame()
    widths = tab.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths == [width, width]
    cut = tab.evaluate(
        "[...document.querySelectorAll('.verdicts, .cards')].filter((one) => one.offsetParent)"
        ".filter((one) => one.scrollWidth > one.parentElement.clientWidth + 1)"
        ".map((one) => one.caption.textContent)"
    )
    assert cut == []  # a row is a card: no column is out of sight
    plot = tab.evaluate("document.getElementById('explorer-loss').getBoundingClientRect().width")
    assert 100 < plot < width
    tab.screen(1280, 900)


def test_every_plot_is_drawn_when_one_comes_to_it(tab, url):
    tab.open(url)
    plots = tab.evaluate("[...document.querySelectorAll('.plot')].map((element) => element.id)")
    assert len(plots) > 15
    for plot in plots:
        tab.evaluate(f"document.getElementById('{plot}').scrollIntoView({{ behavior: 'instant' }})")
        tab.wait_for(f"document.querySelector('#{plot} svg.main-svg')")
