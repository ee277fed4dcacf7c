"""Merged runs with planted numbers in the layout of the store, and the experiments that figures read."""

import numpy as np
import xarray as xr

ALPHAS = np.linspace(0, 1, 21)
HELD_OUT = np.array([0.05, 0.5, 0.95])
K, PER_CLASS = 4, 6
SEEDS = (200, 201, 202)


def fall(end):
    """From 1 at alpha 0 over 0.9 at `end` to 0 at 1."""
    return np.interp(ALPHAS, [0, end, 1], [1, 0.9, 0])


def planted_run(experiment="star", arm="centre", seed=200, *, end=0.4, test=False, laws=True, **attrs):
    """A run whose error plateau ends at `end` + 0.01 (seed - 200), the loss's 0.05 later."""
    attrs = {
        "network": "fcn",
        "depth": 8,
        "bias_mode": "last",
        "init_scale": 0.5,
        "width": 64,
        "batch_norm": 0,
        "data": "digits",
        "imposed_bias_gap": "",
        "status": "reached",
    } | attrs
    rng = np.random.default_rng([seed, int(attrs["depth"] or 16)])
    end = end + 0.01 * (seed - 200)
    labels = np.repeat(np.arange(K), PER_CLASS)
    signal = 12.0 * np.eye(K)[labels] + rng.normal(0, 0.1, (labels.size, K))
    bias = np.zeros(K) if attrs["bias_mode"] == "none" else np.array([0.9, 0.3, -0.3, -0.9])
    if attrs["imposed_bias_gap"] != "":
        bias = attrs["imposed_bias_gap"] * np.eye(K)[0]
    paths = ["linear"] if attrs["bias_mode"] == "none" else ["linear", "homogeneous", "no_last_bias"]
    reached = attrs["status"] == "reached"
    along = ("path", "alpha")
    ends = end - 0.1 * np.arange(len(paths))
    loss = np.array([np.log(K) * fall(e + 0.05) for e in ends])
    error = np.array([0.75 * fall(e) for e in ends])
    shares = np.full((len(paths), ALPHAS.size, K), 1 / K)
    shares[:, 1:7] = np.eye(K)[0]  # class 0 holds alpha 0.05 to 0.3
    run = xr.Dataset(
        {
            "loss": (along, loss if reached else np.full_like(loss, np.nan)),
            "error": (along, error if reached else np.full_like(error, np.nan)),
            "class_share": (("path", "alpha", "predicted_class"), shares),
            "signal": (("sample", "class_index"), signal),
            "bias": ("class_index", bias),
            "labels": ("sample", labels),
            "start_loss": np.log(K),
            "end_loss": 0.01,
        },
        coords={"path": paths, "alpha": ALPHAS},
        attrs={
            "experiment": experiment,
            "arm": arm,
            "seed": seed,
            "run": f"{experiment}-{arm}-{seed}",
            "form": "quick",
            "made": "2020-01-02T03:04:05+00:00",
            "torch_version": "none",
            **attrs,
        },
    )
    if test:
        run["test_loss"], run["test_error"] = run["loss"] + 0.1, run["error"] + 0.05
    if laws and reached:
        run = run.assign(laws_of(attrs, seed))
        if attrs["bias_mode"] != "none":
            run["bias_exit"] = ("sample", 0.3 + 0.1 * labels + 0.001 * (seed - 200))
            run["correct_from"] = ("sample", np.where(labels == 0, 0.0, 0.35 + 0.1 * labels))
    return run


def laws_of(attrs, seed):
    depth = int(attrs["depth"] or 16)
    retention = attrs["init_scale"] / 2 * np.linspace(1, 0.5, depth)
    return {
        "retention": ("layer", retention + 0.001 * (seed - 200)),
        "effective_degree": depth - retention.sum(),
        "gain": ("alpha", ALPHAS ** (depth / 2)),
        "gain_predicted": ("alpha", ALPHAS ** (depth / 2 + 0.5)),
        "signal_cosine": ("held_out_alpha", np.array([0.6, 0.9, 1.0])),
        "endpoint_loss": ("alpha", np.log(K) * fall(0.5)),
        "endpoint_error": ("alpha", 0.75 * fall(0.5)),
        "probe_loss": ("alpha", np.log(K) * fall(0.55)),
        "probe_error": ("alpha", 0.75 * fall(0.55)),
    } | {"held_out_alpha": HELD_OUT, "layer": [f"layers.{n}" for n in range(depth)]}


def of_seeds(experiment, arm, seeds=SEEDS, **options):
    return [planted_run(experiment, arm, seed, **options) for seed in seeds]


def experiment(name):
    """All planted runs of an experiment, as `simulations.runs.experiment_runs` would give them."""
    if name == "star":
        return [
            *of_seeds("star", "centre"),
            *of_seeds("star", "bias-none", bias_mode="none", end=0.1),
            *of_seeds("star", "scale-1.0", init_scale=1.0, end=0.2),
            *of_seeds("star", "depth-2", depth=2, end=0.15),
        ]
    if name == "depth_and_bias":
        return [
            run
            for data in ("digits", "mnist")
            for depth in (2, 10)
            for mode in ("last", "none", "all")
            for run in of_seeds(
                name,
                f"{name}/{data},depth={depth},bias={mode}",
                depth=depth,
                bias_mode=mode,
                data=data,
                end=0.03 * depth,
                test=data == "mnist",
            )
        ]
    if name == "initial_scale":
        return [
            run
            for scale in (0.25, 0.5, 1.0)
            for run in of_seeds(
                name, f"{name}/init_scale={scale}", init_scale=scale, depth=10, end=0.5 - scale / 4
            )
        ]
    if name == "imposed_bias":
        return [
            run
            for gap in (0.0, 1.0, 4.0)
            for run in of_seeds(
                name, f"{name}/imposed_bias_gap={gap}", imposed_bias_gap=gap, end=0.2 + 0.1 * gap
            )
        ]
    if name == "practical_networks":
        return [
            run
            for kind in ("vgg16", "resnet18")
            for norm in (1, 0)
            for mode in ("last", "none")
            for run in of_seeds(
                name,
                f"{name}/network={kind},batch_norm={norm},bias={mode}",
                network=kind,
                batch_norm=norm,
                bias_mode=mode,
                depth="",
                data="/somewhere/cifar10",
                laws=not norm,
                test=mode == "last",
            )
        ]
    if name == "retention":
        return [
            run
            for depth in (4, 8)
            for width in (32, 64)
            for scale in (0.3, 0.8)
            for run in of_seeds(
                name,
                f"{name}/depth={depth},width={width},init_scale={scale}",
                depth=depth,
                width=width,
                init_scale=scale,
            )
        ]
    raise KeyError(name)


def accuracy():
    """What `benchmarks/line_accuracy.py` writes, for two networks."""
    shape = ("network", "way", "setting")
    passes = np.array([[12.0, 20.0], [9.0, 17.0], [9.0, 17.0]])
    worst = np.array([[1e-4, 1e-5], [1e-2, 1e-3], [1e-1, 5e-2]])
    return xr.Dataset(
        {
            "passes": (shape, np.stack([passes, passes])),
            "loss_error": (shape, np.stack([worst, 2 * worst])),
            "error_error": (shape, np.stack([worst[::-1], worst])),
        },
        coords={"network": ["a network, data", "another"], "way": ["adaptive", "chebyshev", "grid"]},
        attrs={"alphas": "7 alphas"},
    )
