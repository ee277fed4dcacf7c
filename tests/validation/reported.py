"""A small finished run of `mli validate` with a planted truth: what `mli report` is given."""

from tests.validation.planted import planted
from validation.claims import CLAIMS
from validation.judgement import judge
from validation.main_job import FULL, Outcome
from validation.report import write_report

_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="20" height="10"/></svg>'


def validated(folder, **truth):
    """Write report.json, report.md, curves of two arms and two figures; the runs whose curves are there."""
    observations = planted(**truth)
    write_report(folder, Outcome(FULL, observations.runs, observations, judge(CLAIMS, observations)))
    (folder / "curves").mkdir()
    runs = [run for run in observations.runs if run.attrs["arm"] in ("centre", "bias-none")]
    for run in runs:
        run.to_netcdf(folder / "curves" / f"{run.attrs['arm']}-seed{run.attrs['seed']}.nc", engine="h5netcdf")
    (folder / "figures").mkdir()
    for name in ("centre_curve.svg", "centre_curve.png", "other_figure.svg"):
        (folder / "figures" / name).write_text(_SVG)
    return runs
