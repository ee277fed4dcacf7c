"""The line from a network's initialisation to its trained weights, and the plateau on it: every public name.

    import mli

    data = mli.load("digits")
    net = mli.fcn(8, 64, 64, 10, bias="last", init_scale=0.5, seed=0)
    run = mli.train(net, data, learning_rate=0.02, target_loss=0.01, max_epochs=150, seed=0)
    curves = mli.interpolation_curves(run.model, run.start, run.end, data)
    print(mli.plateau_end(curves.alpha, curves.error))

- data and networks: `load`, `fcn`, `vgg16`, `resnet18`, `vit`, `build_network`
- training: `train`, `train_many`
- a network's two ends kept in training: `record_ends`, `lightning_callback`, `trainer_callback`
- the line: `interpolation_curves`, `logit_path`, `save_curve`
- the line proved: `certify_line`
- the line foretold: `predict_from_endpoints`, `predict_from_probe`
- a network explained: `diagnose`, `verdict`, `write_diagnosis`, `write_diagnosis_page`
- the shape of a curve: `plateau_end`, `max_rise`, `bumps`, `barrier`, `held_interval`, `gauss_length`
- theory: all of `mli_theory`, such as `plateau`, `predict_curves`, `certify`, `plateau_law`
- the power model's training: `integrate`, `descend`
- many runs: `RunSpec`, `read_sweep`, `Store`, `make_run`, `run_sweeps`, `experiment_runs`
- the plane through three checkpoints: `plane`, `plane_coordinates`, `draw_plane`
- your own claims: `mli.testing`, with Hypothesis
- plots: `draw_curves`, `save_diagnosis_figure`; `mli.plots`, a function a question

A name is imported when it is first used: `import mli` loads neither torch nor numpy. `help(mli.train)` says
where a name lives. The command line is `mli.commands`.
"""

from typing import Any as _Any

from mli.shadowed_packages import our_packages_first as _our_packages_first
from mli.shadowed_packages import refuse_shadowed_packages as _refuse_shadowed_packages

_refuse_shadowed_packages()  # before the first import that another folder's package would answer

from mli_theory.lazy_names import attach as _attach  # noqa: E402

_import_name, _names, __all__ = _attach(__name__, __file__)
__all__ += ["__version__"]


def __getattr__(name: str) -> _Any:
    if name != "__version__":
        with _our_packages_first():
            return _import_name(name)
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("mli-plateau")
    except PackageNotFoundError:
        return "0+not-installed"


def __dir__() -> list[str]:
    return sorted({*_names(), "__version__"})
