"""Merged runs of a small map whose every number is planted: straight curves with chosen plateau ends."""

import numpy as np
import xarray as xr

ALPHAS = np.linspace(0, 1, 51)
K, PER_CLASS = 4, 5
LABELS = np.repeat(np.arange(K), PER_CLASS)
BIAS = np.array([1.0, 0.25, -0.25, -1.0])


def fall(end, top):
    """From `top` at alpha 0 over 0.9 `top` at `end` to 0 at 1."""
    return np.interp(ALPHAS, [0, end, 1], [top, 0.9 * top, 0])


def planted(depth, scale, bias, seed, *, error_end, m2_end=0.3, optimizer="sgd", status="reached"):
    """A run whose error plateau ends at `error_end`, the loss's 0.1 later, by M2 at `m2_end`."""
    last = bias == "last"
    reached = status == "reached"
    paths = ["linear", "homogeneous"] if last else ["linear"]
    ends = [error_end, 0.02] if last else [error_end]
    shares = np.full((len(paths), ALPHAS.size, K), 1 / K)
    shares[:, 5:11] = np.eye(K)[0]  # class 0, that of the largest bias, holds alpha 0.1 to 0.2
    nan = np.nan if not reached else 0.0
    start = 0.1 * scale**depth * np.eye(K)[(LABELS + 1) % K]  # each sample prefers the next class
    run = xr.Dataset(
        {
            "loss": (("path", "alpha"), np.array([np.log(K) * fall(e + 0.1, 1) for e in ends]) + nan),
            "error": (("path", "alpha"), np.array([fall(e, 0.75) for e in ends]) + nan),
            "class_share": (("path", "alpha", "predicted_class"), shares),
            "signal": (("sample", "class_index"), 12.0 * np.eye(K)[LABELS]),
            "start_signal": (("sample", "class_index"), start),
            "bias": ("class_index", BIAS if last else np.zeros(K)),
            "labels": ("sample", LABELS),
            "epochs": 7,
        },
        coords={"path": paths, "alpha": ALPHAS},
        attrs={
            "experiment": "regime_map",
            "arm": f"regime_map/{optimizer},depth={depth},init_scale={scale},bias={bias}",
            "network": "fcn",
            "depth": depth,
            "init_scale": scale,
            "bias_mode": bias,
            "optimizer": optimizer,
            "seed": seed,
            "status": status,
            "run": f"{optimizer}-{depth}-{scale}-{bias}-{seed}",
            "data": "digits",
            "trained_together": 4,
        },
    )
    if not reached:
        return run
    return run.assign(
        retention=("layer", np.full(depth, scale / 2)),
        effective_degree=depth / 2 + 0.5,
        endpoint_loss=("alpha", np.log(K) * fall(0.4, 1)),
        endpoint_error=("alpha", np.where(ALPHAS < 0.05, 0.0, fall(m2_end, 0.75))),
    )


def pair(depth, scale, seed, *, effect, m2_end=0.3, **options):
    """The cell's two runs: the bias lengthens the error plateau by `effect`."""
    return [
        planted(depth, scale, "last", seed, error_end=0.1 + effect, m2_end=m2_end, **options),
        planted(depth, scale, "none", seed, error_end=0.1, **options),
    ]


def planted_map(seeds=(400, 401), optimizers=("sgd", "adam")):
    """Depths 2 and 8, scales 0.4, 0.5 and 1: a plateau exactly where scale^depth <= 5e-3."""
    return [
        run
        for optimizer in optimizers
        for depth in (2, 8)
        for scale in (0.4, 0.5, 1.0)
        for seed in seeds
        for run in pair(depth, scale, seed, effect=0.2 if scale**depth <= 5e-3 else 0.0, optimizer=optimizer)
    ]
