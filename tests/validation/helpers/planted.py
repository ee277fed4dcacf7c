"""Synthetic runs with a planted truth, in the form in which the store gives its merged runs.

Every planted number may be a constant or a function of the seed. The default truth makes every claim true
for which the star has data.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr

from mli_theory.homogeneous_path.closed_form import predict_curves
from validation.claims.observations import observe

SEEDS = range(100, 112)


class Arm(NamedTuple):
    name: str
    depth: int
    bias: str
    init_scale: float
    learning_rate: float
    paths: tuple[str, ...]
    network: str = "fcn"
    batch_norm: int = 0


ARMS = (
    Arm("centre", 8, "last", 0.5, 0.02, ("linear", "homogeneous", "weights", "bias")),
    Arm("bias-all", 8, "all", 0.5, 0.02, ("linear", "homogeneous")),
    Arm("bias-none", 8, "none", 0.5, 0.02, ("linear",)),
    Arm("scale-0.7", 8, "last", 0.7, 0.02, ("linear",)),
    Arm("scale-1.0", 8, "last", 1.0, 0.02, ("linear",)),
    Arm("depth-4", 4, "last", 0.5, 0.05, ("linear",)),
    Arm("depth-2", 2, "last", 0.5, 0.1, ("linear",)),
)
ALPHAS = np.linspace(0, 1, 101)
N_CLASSES, PER_CLASS = 4, 5

# End of the error plateau by arm and path; the loss plateau ends 0.05 later.
ENDS = {
    ("centre", "linear"): 0.45,
    ("centre", "homogeneous"): 0.25,
    ("centre", "weights"): 0.7,
    ("centre", "bias"): 0.05,
    ("bias-all", "linear"): 0.4,
    ("bias-all", "homogeneous"): 0.3,
    ("bias-none", "linear"): 0.2,
    ("scale-0.7", "linear"): 0.2,
    ("scale-1.0", "linear"): 0.1,
    ("depth-4", "linear"): 0.3,
    ("depth-2", "linear"): 0.15,
}
DEFAULTS = {
    "ends": {},
    "loss_rise": 0.01,  # nats above the start: under 1 % of the fall, over 0.001
    "error_rise": 0.0,
    "bias_spread": 0.3,
    "order_holds": True,
    "follows_theory": False,
    "noise": 0.01,
    "loss_end_later_by": 0.05,
    "status": "reached",
    "steps": 500.0,
    "random_labels": False,
    "random_labels_steps": 4000.0,
    "random_labels_rise": 0.0,
    "practical": None,  # the effect of a last-layer bias in alpha
    "imposed": None,  # the effect of an imposed gap of 2 nats in alpha, of (loss, error)
    "gain_degree": None,  # of the centre's signal
}


def planted(seeds=SEEDS, arms=ARMS, **truth):
    """Observations with this truth."""
    truth = DEFAULTS | truth
    runs = [network_run(arm, seed, truth) for arm in arms for seed in seeds]
    if truth["random_labels"]:
        arm = Arm("hardness/true-labels", 8, "last", 0.5, 0.02, ("linear",))
        runs += [network_run(arm, seed, truth) for seed in seeds]
        arm = arm._replace(name="hardness/random-labels")
        changed = truth | {
            "steps": truth["random_labels_steps"],
            "loss_rise": truth["random_labels_rise"],
            "error_rise": truth["random_labels_rise"],
        }
        runs += [network_run(arm, seed, changed) for seed in seeds]
    if truth["practical"] is not None:
        for network, batch_norm in (("vgg16", 0), ("resnet18", 1)):
            for mode in ("last", "none"):
                name = f"practical_networks/network={network},batch_norm={bool(batch_norm)},bias={mode}"
                arm = Arm(name, 16, mode, 1.0, 0.1, ("linear",), network, batch_norm)
                end = (lambda seed: 0.2 + of(truth["practical"], seed)) if mode == "last" else 0.2
                runs += [network_run(arm, seed, truth | {"ends": {(name, "linear"): end}}) for seed in seeds]
    if truth["imposed"] is not None:
        for gap in (0.0, 2.0):
            arm = Arm(f"imposed_bias/imposed_bias_gap={gap}", 8, "last", 0.5, 0.02, ("linear",))
            loss, error = truth["imposed"] if gap else (0.0, 0.0)
            changed = truth | {
                "ends": {(arm.name, "linear"): 0.3 + error},
                "loss_end_later_by": 0.05 + loss - error,
            }
            runs += [network_run(arm, seed, changed) for seed in seeds]
    return observe(runs, [power_model_run(seed, of(truth["order_holds"], seed)) for seed in seeds])


def of(value, seed):
    return value(seed) if callable(value) else value


def network_run(arm, seed, truth):
    rng = np.random.default_rng([seed, sum(map(ord, arm.name))])
    labels = np.repeat(np.arange(N_CLASSES), PER_CLASS)
    signal = 12.0 * np.eye(N_CLASSES)[labels] + rng.normal(0, 0.1, (labels.size, N_CLASSES))
    bias = np.zeros(N_CLASSES)
    if arm.bias != "none":
        bias = of(truth["bias_spread"], seed) * np.array([-1.5, -0.5, 0.5, 1.5]) / np.sqrt(1.25)
    loss, error = [], []
    for path in arm.paths:
        end = of(truth["ends"].get((arm.name, path), ENDS.get((arm.name, path), 0.2)), seed)
        end += truth["noise"] * rng.uniform(-1, 1)
        one_loss = np.log(N_CLASSES) * (fall(end + truth["loss_end_later_by"]) + 0.01)
        one_error = 0.75 * fall(end)
        one_loss[1] = max(one_loss[1], one_loss[0] + of(truth["loss_rise"], seed))
        one_error[1] += of(truth["error_rise"], seed)
        if of(truth["follows_theory"], seed) and path in ("linear", "homogeneous"):
            grid = np.maximum(ALPHAS, 1e-6)
            predicted = predict_curves(signal, bias, labels, arm.depth, grid, bias_path=path)
            one_loss, one_error = predicted.loss, predicted.error
        loss.append(one_loss)
        error.append(one_error)
    held = np.full((len(arm.paths), ALPHAS.size, N_CLASSES), 1 / N_CLASSES)
    held[:, 5:20] = np.eye(N_CLASSES)[-1]
    laws = {}
    if truth["gain_degree"] is not None and (arm.name == "centre" or arm.network != "fcn"):
        degree = of(truth["gain_degree"], seed)
        laws = {
            "gain": ("alpha", ALPHAS**degree),
            "effective_degree": degree,
            "retention": ("layer", np.zeros(3)),
        }
    return xr.Dataset(
        laws
        | {
            "loss": (("path", "alpha"), np.array(loss)),
            "error": (("path", "alpha"), np.array(error)),
            "class_share": (("path", "alpha", "predicted_class"), held),
            "signal": (("sample", "class_index"), signal),
            "bias": ("class_index", bias),
            "labels": ("sample", labels),
            "steps": of(truth["steps"], seed) + rng.integers(0, 50),
            "epochs": 20,
            "end_loss": 0.01,
        },
        coords={"path": list(arm.paths), "alpha": ALPHAS},
        attrs={
            "arm": arm.name,
            "depth": arm.depth if arm.network == "fcn" else "",
            "bias_mode": arm.bias,
            "network": arm.network,
            "batch_norm": arm.batch_norm,
            "init_scale": arm.init_scale,
            "seed": seed,
            "status": of(truth["status"], seed),
            "data": "planted",
            "data_hash": "none",
            "threads": 1,
            "torch_version": "none",
            "package_version": "none",
            "fingerprint": "none",
        },
    )


def fall(end):
    """From 1 at alpha 0 over 0.9 at `end` to 0 at 1."""
    return np.interp(ALPHAS, [0, end, 1], [1, 0.9, 0])


def power_model_run(seed, order_holds):
    diagonal = np.array([0.009, 0.008, 0.007, 0.006])
    weights = np.full((2, 4, 4), 0.005)
    weights[0][np.diag_indices(4)] = diagonal
    weights[1][np.diag_indices(4)] = 2.0
    final = np.array([-1.0, -0.5, 0.3, 1.2]) if order_holds else np.array([1.2, -0.5, 0.3, -1.0])
    return xr.Dataset(
        {
            "time": ("record", [0.0, 1.0]),
            "weights": (("record", "class_index", "sample"), weights),
            "bias": (("record", "class_index"), np.stack([np.zeros(4), final])),
            "loss": ("record", [np.log(4), 1e-6]),
        },
        attrs={"seed": seed},
    )
