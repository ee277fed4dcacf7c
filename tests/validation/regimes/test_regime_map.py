"""The map of planted runs says what was planted, cell by cell; borders by counting."""

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import brentq

from tests.validation.regimes.helpers.planted_map import ALPHAS, BIAS, K, pair, planted, planted_map
from validation.regimes import BORDER, border_shares, regime_map
from validation.regimes.borders import LAWS, predicted_plateau
from validation.regimes.predicted_ends import degree_law_ends, error_end
from validation.regimes.run_numbers import NUMBERS, run_numbers


@pytest.fixture(scope="module")
def planted_dataset():
    return regime_map(planted_map())


def test_the_numbers_of_a_run_are_those_planted():
    found = run_numbers(planted(8, 0.5, "last", 400, error_end=0.3))
    assert found.keys() == set(NUMBERS)
    assert found["error_end"] == pytest.approx(0.3)
    assert found["loss_end"] == pytest.approx(0.4)
    assert found["error_end_homogeneous"] == pytest.approx(0.02)
    assert found["held_length"] == pytest.approx(0.1)
    assert found["held_by_largest"] == 1
    assert found["loss_rise"] == 0
    assert found["retention"] == pytest.approx(0.25)
    assert found["effective_degree"] == 4.5
    assert found["bias_gap"] == 0.75
    assert found["m2_loss_end"] == pytest.approx(0.4)
    assert found["m2_error_end"] == pytest.approx(0.3)
    # Root mean square of a centred one-hot row times its size.
    assert found["start_signal"] == pytest.approx(0.1 * 0.5**8 * np.sqrt((1 / K) * (1 - 1 / K)))
    # T14: the largest lead over the gap; the class next to class 0 leads by the start's size.
    assert found["t14_start"] == pytest.approx(0.1 * 0.5**8 / 0.75)


def test_a_run_without_a_bias_has_no_plateau_of_a_law_and_no_homogeneous_path():
    found = run_numbers(planted(8, 0.5, "none", 400, error_end=0.1))
    assert found["m2_error_end"] == found["t13_error_end"] == found["bias_gap"] == 0
    assert not {"error_end_homogeneous", "t14_start", "held_by_largest"} & set(found)


def test_a_run_that_missed_its_target_has_its_start_and_epochs_alone():
    found = run_numbers(planted(8, 0.5, "last", 400, error_end=0.1, status="stagnated"))
    assert set(found) == {"reached", "epochs", "start_signal"}
    assert found["reached"] == 0


def test_the_law_of_the_effective_degree_ends_where_a_root_finder_says():
    """One sample's logit passes the largest bias where alpha^(r-1) 12 = the gap between the two biases."""
    run = planted(8, 0.5, "last", 400, error_end=0.3)
    found = degree_law_ends(run)
    r = float(run["effective_degree"])
    # Classes overtake class 0 one after another: class 1 (gap 0.75) first, a third of the fall at once.
    crossing = brentq(lambda a: 12 * a ** (r - 1) - (BIAS[0] - BIAS[1]), 0.01, 0.99)
    assert found.error == pytest.approx(crossing, abs=ALPHAS[1])

    def loss(alpha):
        """All samples of a class are alike, by hand."""
        z = np.array([12 * alpha**r * (np.arange(K) == c) + alpha * BIAS for c in range(K)])
        return float(np.mean([np.log(np.exp(z[c]).sum()) - z[c, c] for c in range(K)]))

    tenth = 0.9 * loss(0.0) + 0.1 * loss(1.0)
    assert found.loss == pytest.approx(brentq(lambda a: loss(a) - tenth, 0.2, 0.99), abs=ALPHAS[1])


@pytest.mark.parametrize(
    ("error", "end"),
    [
        ([0.0, 0.0, 0.0], 0.0),  # never as wrong as a constant prediction: no plateau
        ([0.0, 0.8, 0.0], 0.5 + 0.5 * (0.8 - 0.72) / 0.8),  # a low start, then a plateau
        ([0.8, 0.8, 0.0], 0.5 + 0.5 * (0.8 - 0.72) / 0.8),
        ([0.8, 0.8, 0.8], 1.0),  # nothing is ever spent
    ],
)
def test_the_end_of_a_laws_error_plateau_is_the_last_alpha_at_its_level(error, end):
    assert error_end(np.array([0.0, 0.5, 1.0]), np.array(error), 0.8) == pytest.approx(end)


def test_the_map_has_every_run_at_its_place(planted_dataset):
    assert dict(planted_dataset.sizes) == {"optimizer": 2, "bias": 2, "depth": 2, "init_scale": 3, "seed": 2}
    at = {"depth": 8, "init_scale": 0.5, "seed": 401, "optimizer": "adam"}
    assert float(planted_dataset["error_end"].sel(bias="last", **at)) == pytest.approx(0.3)
    assert float(planted_dataset["error_end"].sel(bias="none", **at)) == pytest.approx(0.1)
    assert float(planted_dataset["error_last_minus_none"].sel(**at)) == pytest.approx(0.2)
    assert float(planted_dataset["loss_last_minus_none"].sel(**at)) == pytest.approx(0.2)
    assert float(planted_dataset["error_linear_minus_homogeneous"].sel(**at)) == pytest.approx(0.28)
    assert float(planted_dataset["scale_to_the_depth"].sel(depth=8, init_scale=0.5)) == 0.5**8


def test_what_is_not_there_is_no_number(planted_dataset):
    runs = planted_map()
    missing = next(i for i, run in enumerate(runs) if run.attrs["init_scale"] == 1.0)
    found = regime_map([*runs[:missing], *runs[missing + 1 :]])
    at = {name: runs[missing].attrs[name] for name in ("optimizer", "depth", "init_scale", "seed")}
    assert np.isnan(found["reached"].sel(bias=runs[missing].attrs["bias_mode"], **at))
    assert np.isnan(found["error_last_minus_none"].sel(**at))
    assert int(found["reached"].notnull().sum()) == len(runs) - 1


def test_the_planted_border_is_met_in_every_cell_and_a_constant_guess_is_not():
    shares = border_shares(regime_map(planted_map()))
    assert BORDER == 5e-3
    assert shares.scale_to_the_depth == {400: 1.0, 401: 1.0}
    assert shares.cells == {400: 12, 401: 12}
    # Two of six cells a map have a plateau (depth 8 at 0.4 and 0.5): "nowhere" is right in four.
    assert shares.constant == {400: pytest.approx(4 / 6), 401: pytest.approx(4 / 6)}
    # M2 was planted to see a plateau everywhere.
    assert shares.m2 == {400: pytest.approx(2 / 6), 401: pytest.approx(2 / 6)}


def test_m2s_share_counts_where_it_says_nothing_against_it():
    runs = [*pair(8, 0.5, 400, effect=0.2), *pair(8, 1.0, 400, effect=0.0, m2_end=0.06)]
    assert border_shares(regime_map(runs)).m2 == {400: 0.5}  # right at 0.5, wrong at 1
    silent = [run.drop_vars(["endpoint_loss", "endpoint_error"]) for run in runs]
    assert border_shares(regime_map(silent)).m2 == {400: 0.0}


def test_cells_that_missed_the_target_are_not_counted():
    runs = pair(8, 0.5, 400, effect=0.2) + pair(8, 0.4, 400, effect=0.2, status="stagnated")
    assert border_shares(regime_map(runs)).cells == {400: 1}


def test_an_optimiser_alone_is_judged_on_its_own_cells():
    with_adam = [run for run in planted_map() if run.attrs["optimizer"] == "adam"]
    assert border_shares(regime_map(planted_map()), "adam") == border_shares(regime_map(with_adam))
    assert border_shares(regime_map(planted_map()), "adam").cells == {400: 6, 401: 6}


def test_the_border_holds_its_edge_and_the_least_effect_does_not():
    """At scale^depth = 5e-3 itself the law says plateau; effects beside 0.05 are told apart."""
    dataset = regime_map(pair(2, 0.5, 400, effect=0.04))
    assert float(predicted_plateau(dataset, "scale^depth").squeeze()) == 0
    edge = dataset.assign(scale_to_the_depth=xr.full_like(dataset["scale_to_the_depth"], BORDER))
    assert float(predicted_plateau(edge, "scale^depth").squeeze()) == 1
    assert border_shares(regime_map(pair(2, 0.5, 400, effect=0.04))).scale_to_the_depth == {400: 1.0}
    assert border_shares(regime_map(pair(2, 0.5, 400, effect=0.06))).scale_to_the_depth == {400: 0.0}


def test_every_law_says_0_or_1_or_nothing(planted_dataset):
    for law in LAWS:
        said = predicted_plateau(planted_dataset, law).to_numpy()
        assert set(np.unique(said[np.isfinite(said)])) <= {0.0, 1.0}


def test_a_map_of_nothing_or_of_one_place_twice_is_refused():
    with pytest.raises(ValueError, match="needs runs, got none: `mli sweep regime_map`"):
        regime_map([])
    run = planted(2, 0.5, "last", 400, error_end=0.1)
    with pytest.raises(ValueError, match="two runs of the map have optimizer=sgd, bias=last, depth=2"):
        regime_map([run, run])
    with pytest.raises(ValueError, match="one kind is missing"):
        border_shares(regime_map([run]))
