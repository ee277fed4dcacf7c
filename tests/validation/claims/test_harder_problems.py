"""C15 on planted tables, and the table of planted runs: each criterion can hold, fail, and lack its data."""

import numpy as np
import pytest
import xarray as xr

from simulations.specs.sweep_file import read_sweep
from validation.claims import REGIME_CLAIMS, c15
from validation.claims.observations import PILOT_SEEDS, Observations, observe
from validation.claims.steps_and_shapes import steps_and_shapes
from validation.judgement.judging import judge

EXPERIMENT = "harder_problems"
SEEDS = list(range(500, 532))
ARMS = list(read_sweep(EXPERIMENT).labels())


def planted(steps=(), rises=(), seeds=SEEDS):
    """A table in which harder arms take 6 times the steps; rises are alike but for what is planted."""
    steps, rises = dict(steps), dict(rises)
    rng = np.random.default_rng(0)
    value = np.abs(rng.normal(0, 0.005, (2, 2, len(ARMS), len(seeds))))
    count = np.full((len(ARMS), len(seeds)), 100.0)
    for at, arm in enumerate(ARMS):
        way = arm.split(",")[0]
        count[at] *= 1 if way == "true-labels" else steps.get(way, 6)
        for q, quantity in enumerate(("loss", "error")):
            value[0, q, at] += rises.get((way, quantity), 0.0)
    return xr.Dataset(
        {"steps": (("arm", "seed"), count), "value": (("shape", "quantity", "arm", "seed"), value)},
        {"arm": ARMS, "seed": seeds, "shape": ["rise", "plateau_end"], "quantity": ["loss", "error"]},
    )


def judged(table):
    """Among its family, whose other claims have no data."""
    return judge(REGIME_CLAIMS, Observations(tables={} if table is None else {EXPERIMENT: table}))[-1]


def test_lines_as_monotone_on_harder_problems_are_supported():
    found = judged(planted())
    assert found.claim.id == "C15"
    assert found.verdict == "supported"
    assert all(check.state in ("met", "met in part") for check in found.checks)


@pytest.mark.parametrize("quantity", ["loss", "error"])
@pytest.mark.parametrize("way", ["half-random-labels", "random-labels", "slow-rate"])
def test_each_way_and_curve_refutes_alone(way, quantity):
    found = judged(planted(rises={(way, quantity): 0.05}))
    assert found.verdict == "refuted"
    failing = [r.criterion.key for r in found.results if r.p_against is not None and r.p_against < 1e-4]
    assert failing == [f"{way.replace('-', '_')}_{quantity}_rise"]


def test_a_line_that_is_more_monotone_does_not_refute():
    assert judged(planted(rises={("true-labels", "error"): 0.1})).verdict == "supported"


def test_a_problem_that_is_no_harder_decides_nothing():
    far = {("slow-rate", "error"): 0.1}
    assert judged(planted(steps={"slow-rate": 1.1}, rises=far)).verdict == "undecided"


def test_the_number_of_a_seed_is_the_mean_over_both_scales_of_harder_less_easy():
    table = planted(seeds=[500])
    rise = table["value"].sel(shape="rise", quantity="error", seed=500)
    by_hand = [
        float(rise.sel(arm=f"slow-rate,init_scale={s}") - rise.sel(arm=f"true-labels,init_scale={s}"))
        for s in (0.5, 1.0)
    ]
    values = c15.CLAIM.measure(Observations(tables={EXPERIMENT: table})).values
    assert values["slow_rate_error_rise"] == {500: pytest.approx(sum(by_hand) / 2)}
    assert values["slow_rate_log2_ratio_of_steps"] == {500: pytest.approx(np.log2(6))}


def test_too_few_seeds_a_missing_arm_and_no_table_are_undecided():
    assert judged(planted(seeds=SEEDS[:23])).verdict == "undecided: too few seeds"
    assert judged(None).verdict == "undecided: no data"
    lacking = planted().drop_sel(arm="slow-rate,init_scale=1.0")
    assert judged(lacking).verdict == "undecided: no data"
    missed = planted()
    missed["steps"][0, :9] = np.nan  # the easy runs of nine seeds: 23 pairs are left
    assert judged(missed).verdict == "undecided: too few seeds"


def test_a_pilots_seeds_of_a_table_count_nowhere():
    kept = observe([], tables={EXPERIMENT: planted(seeds=[*PILOT_SEEDS, 500])}).tables[EXPERIMENT]
    assert kept["seed"].to_numpy().tolist() == [500]


def run(arm, seed, status="reached", rise=0.1):
    alphas = np.linspace(0, 1, 5)
    loss = np.array([2.0, 1.0, 1.0 + 2 * rise, 0.5, 0.0])
    return xr.Dataset(
        {
            "loss": (("path", "alpha"), [loss]),
            "error": (("path", "alpha"), [[1.0, 1.0, 0.5, 0.5, 0.0]]),
            "steps": 7,
        },
        {"alpha": alphas, "path": ["linear"]},
        {"arm": f"{EXPERIMENT}/{arm}", "seed": seed, "status": status},
    )


def test_the_table_has_every_runs_steps_and_shapes():
    found = steps_and_shapes(
        [run("a,x=1", 3), run("b,x=1", 3, rise=0.2), run("a,x=1", 4, status="stagnated")]
    )
    assert found["arm"].to_numpy().tolist() == ["a,x=1", "b,x=1"]
    rises = found["value"].sel(shape="rise", quantity="loss")
    np.testing.assert_allclose(rises, [[0.1, np.nan], [0.2, np.nan]])
    np.testing.assert_allclose(found["steps"], [[7, np.nan], [7, np.nan]])
    # A tenth of the error's fall from 1 at alpha 0.25 to 0.5 at 0.5: at 0.3.
    assert float(found["value"].sel(shape="plateau_end", quantity="error", arm="b,x=1", seed=3)) == 0.3
