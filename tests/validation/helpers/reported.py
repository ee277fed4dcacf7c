"""A small finished run of `mli validate` with a planted truth: what `mli report` is given."""

from simulations.runs.store import Store
from simulations.runs.verified_files import write_text
from simulations.runtime.netcdf import write_netcdf
from simulations.specs.sweep_file import read_sweep
from tests.validation.helpers.planted import planted
from validation.claims import CLAIMS
from validation.job.main_job import Outcome
from validation.job.profiles import job_of
from validation.judgement.judging import judge
from validation.report.report_data import write_report

_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="20" height="10"/></svg>'
_STORED_ARMS = ("centre", "bias-none")


def validated(folder, **truth):
    """Write report.json, report.md, figures, and a store with the curves of two arms; those arms' runs."""
    observations = planted(**truth)
    specs = {(run.label, run.spec.seed): run.spec for run in read_sweep("star").runs}
    runs = []
    for run in observations.runs:
        spec = specs[run.attrs["arm"], run.attrs["seed"]]
        runs.append(run.assign_attrs(run=spec.name))
        if run.attrs["arm"] in _STORED_ARMS:
            stored(Store(folder / "store"), spec, run)
    write_report(folder, Outcome(job_of("quick"), tuple(runs), observations, judge(CLAIMS, observations)))
    (folder / "figures").mkdir()
    for name in ("centre_curve.svg", "centre_curve.png", "other_figure.svg"):
        (folder / "figures" / name).write_text(_SVG)
    return [run for run in runs if run.attrs["arm"] in _STORED_ARMS]


def stored(store, spec, run):
    """Put a run's curves into the store as those of a finished run, under the spec's name."""
    store.path(spec).mkdir(parents=True)
    write_text(store.path(spec, "spec.toml"), spec.to_toml())
    for path in run["path"].to_numpy():
        curves = run[["loss", "error"]].sel(path=path, drop=True)
        write_netcdf(store.path(spec, f"curves/{path}.nc"), curves)
    store.finish(spec, {"status": run.attrs["status"]})
