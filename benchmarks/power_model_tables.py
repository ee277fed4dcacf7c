"""The numbers of docs/power_model_experiments.md, from a folder that `mli simulate power-model` has filled.

    python -m benchmarks.power_model_tables FOLDER

Medians and ranges over seeds, nothing more. An experiment without its file is passed over.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xarray as xr


def cases(data):
    """(n_classes, degree, scale, loss, start) of every case, and the case's numbers over seeds."""
    for n in range(data.sizes["case"]):
        case = data.isel(case=n)
        names = ("n_classes", "degree", "init_scale", "final_loss", "start")
        yield tuple(case[name].item() for name in names), case


def spread(values, form=".4g"):
    values = values[np.isfinite(values)]
    if not values.size:
        return "none"
    return f"{np.median(values):{form}} ({values.min():{form}} to {values.max():{form}}, {values.size})"


def learning_order(data):
    for key, case in cases(data):
        worst = [float(case[f"{name}_order_worst"].min()) for name in ("weight", "bias", "loss", "logit")]
        broken = [int((case[f"{name}_violations"] > 0).sum()) for name in ("bias", "loss")]
        final = case["bias_order_final"].to_numpy()
        print(*key, f"worst w, b, l, z {worst[0]:.2g} {worst[1]:.2g} {worst[2]:.2g} {worst[3]:.2g};",
              f"seeds broken early {broken}; final bias order broken {int((final < 0).sum())}, worst",
              f"{final.min():.2g}")  # fmt: skip


def schedule(data):
    for key, case in cases(data):
        worst = case["worst_error"].to_numpy()
        within = int((worst <= 0.02).sum())
        kept = int(case["order_kept"].sum())
        print(*key, f"worst class {spread(worst)}; within 2 % {within}; order kept {kept}")


def plateau_laws(data):
    beta, a, b = (data[name].to_numpy() for name in ("beta", "law_a", "law_b"))
    a_next, b_next = data["law_a_next"].to_numpy(), data["law_b_next"].to_numpy()
    free = (data["escaped"] == 0).to_numpy()
    for n, (key, case) in enumerate(cases(data)):
        print(*key, f"beta {spread(beta[free[:, n], n])}; a {np.nanmean(a[:, n]):.4f}",
              f"({np.nanmean(a_next[:, n]):.4f}), b {np.nanmean(b[:, n]):.4f}",
              f"({np.nanmean(b_next[:, n]):.4f}); escaped {int(case['escaped'].sum())}")  # fmt: skip
    many = free & np.isfinite(beta) & np.isfinite(b) & (data["n_classes"].to_numpy() > 2)
    near = (data["gap"] / data["escape_gap"]).to_numpy() < 0.5
    between = data["between"].to_numpy() == 1
    above = many & (beta > b)
    print(f"k > 2, not escaped: {many.sum()}; between {(many & between).sum()}; above b {above.sum()},",
          f"of them below its next order {(above & (beta <= b_next)).sum()};",
          f"below a {(many & (beta < a)).sum()};",
          f"gap below half the escape gap: {(many & near & between).sum()} of {(many & near).sum()}",
          )  # fmt: skip


def vanishing_plateau(data):
    for key, case in cases(data):
        end, bound = case["plateau_end"].to_numpy(), case["plateau_end_bound"].to_numpy()
        gap = case["largest_gap"].to_numpy() / case["gap_bound"].to_numpy()
        room = float(case["bias_room"].min()), float(case["margin_room"].min())
        print(*key, f"alpha_2 {spread(end)}; over its bound at most {np.nanmax(end / bound):.3f};",
              f"gap over its bound at most {np.nanmax(gap):.3f}; least room {room[0]:.3g} {room[1]:.3g}",
              )  # fmt: skip


def plateau_start(data):
    for key, case in cases(data):
        fixed, own = (
            (case[f"start_{name}_end"] / case[f"predicted_{name}_end"] - 1).to_numpy()
            for name in ("fixed", "own")
        )
        never = int(np.isnan(case["start_fixed_end"]).sum())
        print(*key, f"fixed end {spread(fixed, '.2e')}; own end {spread(own, '.2e')}; never {never}")


def escape(data):
    agree = int((data["escaped"] == data["escape_predicted"]).sum())
    print(f"flag agrees in {agree} of {data['escaped'].size}; escaped {int(data['escaped'].sum())}")
    for key, case in cases(data):
        print(*key, "gap over prediction", spread((case["gap_at_escape"] / case["gap_predicted"]).to_numpy()))


def gaussian_starts(data):
    for key, case in cases(data):
        draws = float(case["draws"].sum())
        shares = [float(case[name].sum()) / draws for name in ("draws_reaching", "draws_off_diagonal_first")]
        tried = (case["reachable"] == 1).to_numpy()
        counts = [int((case[name].to_numpy()[tried] == 1).sum())
                  for name in ("reached", "first_as_predicted", "bias_follows_diagonal")]  # fmt: skip
        print(*key, f"no cycle {shares[0]:.4f}, off-diagonal first {shares[1]:.4f} of {draws:.0f} draws;",
              f"of {tried.sum()} tried: reached, first as predicted, bias follows diagonal {counts}",
              )  # fmt: skip


def unequal_classes(data):
    for key, case in cases(data):
        names = ("largest_bias_is_predicted", "largest_bias_is_smallest_class")
        weight = int((case["largest_bias_class"] == case["smallest_weight_class"]).sum())
        print(*key, [int(case[name].sum()) for name in names], weight, spread(case["worst_error"].to_numpy()))


def degree_two(data):
    for key, case in cases(data):
        excess = (case["first_time"] - case["first_time_predicted"]).to_numpy()
        print(*key, f"first time {spread(case['first_time'].to_numpy())}, less predicted {spread(excess)};",
              f"learned {int(case['learned_by_weight'].min())}; last has largest bias",
              f"{int(case['last_has_largest_bias'].sum())}; gap {spread(case['gap'].to_numpy())}; alpha_2",
              spread(case["plateau_end"].to_numpy()),
              f"seed 0 spread of times {float(case['differences'][0].max()):.4f}")  # fmt: skip


def crossover(data):
    for key, case in cases(data):
        found, predicted = case["scale_found"].to_numpy(), case["scale_predicted"].to_numpy()
        ratio = spread(predicted / found)
        print(*key, f"half way at scale {spread(found, '.3g')}; predicted over found {ratio};",
              f"beta there less half way {spread(case['beta_error'].to_numpy(), '.1e')}")  # fmt: skip


def gradient_descent(data):
    before = None
    for n in range(data.sizes["case"]):
        case = data.isel(case=n)
        of_one, step = (case["degree"].item(), case["method"].item()), case["step"].item()
        columns = [
            f"{name} {float(case[name].median()):.3g}"
            for name in data.data_vars
            if name not in ("failure", "order_kept", "largest_bias_kept", "first_lag_predicted")
        ]
        for name in ("order_kept", "largest_bias_kept"):
            known = case[name].to_numpy()[np.isfinite(case[name].to_numpy())]
            columns.append(f"{name} {int(known.sum())} of {known.size}")
        lag = (case["first_lag"] / case["first_lag_predicted"]).to_numpy()
        print(*of_one, f"step {step:.4g}:", "; ".join(columns), f"; lag over predicted {spread(lag)}")
        if before and before[0] == of_one and of_one[1] != "adam":
            slopes = []
            for name in ("distance_early", "distance_arrival", "distance_late", "distance_end", "row_drift"):
                with np.errstate(divide="ignore"):  # a phase with the start alone
                    fall = np.log2(before[1][name] / case[name]) / np.log2(before[1]["step"].item() / step)
                slopes.append(f"{name} {float(fall.median()):.2f}")
            print("    slopes from the step before:", "; ".join(slopes))
        before = (of_one, case)


TABLES = (
    learning_order, schedule, plateau_laws, crossover, vanishing_plateau, plateau_start, escape,
    gaussian_starts, unequal_classes, gradient_descent, degree_two,
)  # fmt: skip


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    for table in TABLES:
        path = Path(sys.argv[1]) / f"{table.__name__.replace('_', '-')}.nc"
        if path.exists():
            data = xr.load_dataset(path, engine="h5netcdf")
            failures = int((data["failure"] != "").sum())
            print(f"\n== {path.stem}: {data.sizes['seed']} seeds, {failures} failures")
            table(data)


if __name__ == "__main__":
    main()
