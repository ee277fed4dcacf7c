"""The smoke job with one arm of two layers, in one worker process: seconds of work and a full report."""

from dataclasses import replace

from simulations.specs.sweep_file import Sweep
from validation.job.profiles import JudgedSweep, smoke_job

__all__ = ["one_arm_job"]


def one_arm_job():
    """Return the job; two layers are trained quickly."""
    smoke = smoke_job()
    centre = next(run for run in smoke.star.runs if run.label == "centre")
    runs = (replace(centre, spec=replace(centre.spec, depth=2, learning_rate=0.1)),)
    return replace(smoke, judged=(JudgedSweep(Sweep("star", "one arm", runs), "quick"),), processes=1)
