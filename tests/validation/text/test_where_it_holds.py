"""Each sentence's row says what verdicts and the map say, and what is not run yet."""

import pytest

from tests.validation.regimes.helpers.planted_map import pair, planted_map
from validation.regimes import regime_map
from validation.text.judged_where import JUDGED_WHERE, verdict_there
from validation.text.where_it_holds import HEADINGS, sentence_rows, where_it_holds_markdown


def claim(name, verdict, *criteria):
    keys = ("key", "mean", "side", "threshold", "judged")
    return {
        "id": name,
        "verdict": verdict,
        "criteria": [dict(zip(keys, (*one, True), strict=True)) for one in criteria],
    }


def row_of(name, *claims, dataset=None):
    (row,) = [row for row in sentence_rows(claims, dataset) if row.sentence.startswith(name)]
    return row


def test_without_verdicts_and_map_every_claim_is_not_run_yet():
    rows = sentence_rows((), None)
    told = [entry for row in rows for entry in row.open]
    assert sorted(entry.split(" ")[0] for entry in told) == sorted(JUDGED_WHERE)
    assert all(entry.endswith("not run yet") for entry in told)
    assert not any(row.holds or row.fails for row in rows)


def test_a_verdict_stands_where_it_belongs_with_the_number_nearest_to_failing():
    row = row_of(
        "A3: what", claim("C3", "supported", ("far", 0.9, "above", 0.1), ("near_one", 0.2, "above", 0.1))
    )
    assert row.holds == ["C3 supported at depth 8, scale 0.5: near one 0.2 (> 0.1) and 1 more"]
    assert not row.fails
    failing = claim("C7", "refuted", ("bad", 0.01, "above", 0.05), ("good", 0.2, "above", 0.05))
    row = row_of("A6", failing)
    assert row.fails == ["C7 refuted on VGG-16 and ResNet-18, scale 1, 256 images: bad 0.01 (> 0.05)"]
    undecided = claim("C2", "undecided", ("rise", 0.02, "below", 0.01))
    row = row_of("A2", undecided, claim("C15", "undecided: no data"))
    assert row.open == [
        "C2 undecided (at depth 8, scale 0.5): rise 0.02 (< 0.01)",
        "C15 (at depth 8, scale 0.5 and 1, 200 digits): not run yet",
    ]
    part = claim("C13", "undecided: no data", ("one", 0.3, "above", 0.2), ("other", None, "above", 0.2))
    assert row_of("A6", part).open[-1].endswith("scale 1): one 0.3 (> 0.2), the rest not run yet")


def test_the_map_says_where_the_bias_makes_which_plateau():
    runs = planted_map(optimizers=("sgd",)) + pair(8, 0.3, 400, effect=0.2, status="stagnated")
    row = row_of("A4: with", dataset=regime_map(runs))
    # Planted: a bias lengthens both plateaus by 0.2 at depth 8, scales 0.4 and 0.5.
    assert row.holds == [
        "map, SGD: the bias lengthens the error's by over 0.05 in 2 of 6 cells (depth 8 at 0.4 to 0.5), the "
        "loss's at depth 8 at 0.4 to 0.5"
    ]
    assert row.fails[0].startswith("map, SGD: the error's not in 4 cells;")
    assert row.open[-1] == "map, SGD: no pair of runs at depth 8 at 0.3"


def test_a_rise_of_the_loss_on_the_map_is_told():
    dataset = regime_map(planted_map(optimizers=("adam",)))
    dataset["loss_rise"].loc[{"depth": 8, "init_scale": 0.5}] = 0.2
    row = row_of("A1", dataset=dataset)
    assert row.holds == ["map, Adam: the loss, to within 0.01 of its fall, in 5 of 6 cells"]
    assert row.fails == ["map, Adam: the loss at depth 8 at 0.5"]


def test_the_table_has_a_line_a_sentence():
    lines = where_it_holds_markdown((), regime_map(planted_map())).splitlines()
    assert lines[0] == f"| {' | '.join(HEADINGS)} |"
    assert len(lines) == 2 + len(sentence_rows((), None))
    assert all(line.count(" | ") == len(HEADINGS) - 1 for line in lines)


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        ("refuted", "refuted at depth 8, scale 0.5"),
        ("undecided", "undecided at depth 8, scale 0.5"),
        ("undecided: no data", "undecided: no data"),
    ],
)
def test_a_verdict_has_its_networks_beside_it(verdict, told):
    assert verdict_there({"id": "C5", "verdict": verdict}) == told
