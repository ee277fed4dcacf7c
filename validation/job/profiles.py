"""What one call of `mli validate` trains and judges: smoke, quick, standard, full, recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mli_theory.short_repr import short_repr
from simulations.runtime.names_in_words import first_of
from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import EXPERIMENTS, FORMS, REALISTIC, PlannedRun, Sweep, read_sweep
from validation.claims import CLAIMS, REGIME_CLAIMS, Claim
from validation.claims.power_model_runs import PowerModelRuns
from validation.job.recorded_tables import TABLED

__all__ = ["PROFILES", "RECORDED", "Job", "JudgedSweep", "job_of", "smoke_job"]

PROFILES = ("quick", "standard", "full")
"""Those that judge the claims C1 to C9."""

RECORDED = "recorded"
"""The profile that judges the claims about regimes on the runs that the package carries."""

_STAR_SEEDS = tuple(range(100, 112))
# C6 asks for a share of 0.9 of the starts: with 12 of them that cannot be told from one half 4 times in 5.
_POWER_MODEL_SEEDS = (*_STAR_SEEDS, *range(200, 212))
_SMOKE_SEED = 1000  # of its own: a run of the smoke job must never be taken for one that counts
_SMOKE_ARMS = ("centre", "bias-none", "depth-2")  # 3.2, 0.6 and 0.3 s of CPU


@dataclass(frozen=True)
class JudgedSweep:
    """A sweep whose runs the claims see, and the form it was read in."""

    sweep: Sweep
    form: str

    @property
    def prefix(self) -> str:
        """What stands before an arm's label: nothing for the star, whose arms the rules name alone."""
        form = "" if self.form == "quick" else f"{self.form}/"
        return form + ("" if self.sweep.name == "star" else f"{self.sweep.name}/")


@dataclass(frozen=True)
class Job:
    """What one call of the main job does.

    Attributes:
        name: "smoke", "recorded" or one of `PROFILES`.
        judged: whose runs of the store the claims see; the star's quick form first where it is among them.
        trains: make those that the store lacks; else judge what it has, seeds beyond the planned ones too.
        power_model_seeds: of the power model.
        power_model: what its runs are.
        processes: workers; each run has its spec's torch threads.
        claims: that are judged, all together.
        recorded: experiments whose recorded runs (`validation.job.recorded_runs`) the claims see, too.
        tables: experiments whose recorded tables (`validation.job.recorded_tables`) they see.
    """

    name: str
    judged: tuple[JudgedSweep, ...]
    trains: bool = True
    power_model_seeds: tuple[int, ...] = _POWER_MODEL_SEEDS
    power_model: PowerModelRuns = field(default_factory=PowerModelRuns)
    processes: int = 2
    claims: tuple[Claim, ...] = CLAIMS
    recorded: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    __repr__ = short_repr

    @property
    def star(self) -> Sweep:
        """The star's sweep."""
        return self.judged[0].sweep

    def settings(self) -> dict[str, Any]:
        """The job as plain numbers and words, for the report; what is about the star where it is judged."""
        about_the_star: dict[str, Any] = {}
        if self.judged and self.star.name == "star":
            centre = next(run.spec for run in self.star.runs if run.label == "centre")
            shared = (
                "data",
                "limit",
                "width",
                "momentum",
                "batch_size",
                "target_loss",
                "max_epochs",
                "alphas",
            )
            about_the_star = {
                "seeds": sorted({run.spec.seed for run in self.star.runs}),
                "protocol": {key: getattr(centre, key) for key in (*shared, "threads")},
                "arms": [_arm(label, self.star) for label in self.star.labels()],
            }
        return {
            "name": self.name,
            **about_the_star,
            "power_model": asdict(self.power_model),
            "power_model_seeds": list(self.power_model_seeds),
            "processes": self.processes,
            "trains": self.trains,
            "experiments": [
                {
                    "name": judged.sweep.name,
                    "form": judged.form,
                    "title": judged.sweep.title,
                    "runs_planned": len(judged.sweep.runs),
                }
                for judged in (*self.judged, *map(_recorded, (*self.recorded, *self.tables)))
            ],
        }


def job_of(profile: str) -> Job:
    """The job of a profile.

    That is the star (quick), every experiment's quick form (standard), all there is in a store (full), or the
    runs that the package carries (recorded).

    Raises:
        ValueError: an unknown profile.
    """
    if profile not in (*PROFILES, RECORDED):
        raise ValueError(f"profile must be one of {first_of((*PROFILES, RECORDED))}, got {profile!r}")
    if profile == RECORDED:
        return Job(
            RECORDED,
            (),
            trains=False,
            power_model_seeds=(),
            claims=REGIME_CLAIMS,
            recorded=REALISTIC,
            tables=TABLED,
        )
    if profile == "quick":
        return Job("quick", (JudgedSweep(read_sweep("star"), "quick"),))
    if profile == "standard":
        return Job("standard", _all_sweeps(("quick",)))
    return Job("full", _all_sweeps(FORMS), trains=False)


def smoke_job() -> Job:
    """Three arms of the star from one seed, on little data and to a high loss: seconds; decides nothing."""
    star = read_sweep("star")
    runs = [
        PlannedRun(label, _small(next(run.spec for run in star.runs if run.label == label)))
        for label in _SMOKE_ARMS
    ]
    return Job(
        "smoke",
        (JudgedSweep(Sweep("star", star.title, tuple(runs)), "quick"),),
        power_model_seeds=(_SMOKE_SEED,),
        power_model=PowerModelRuns(final_loss=1e-2),
    )


def _small(spec: RunSpec) -> RunSpec:
    return replace(
        spec, limit=300, batch_size=32, target_loss=0.5, max_epochs=40, alphas=21, seed=_SMOKE_SEED
    )


def _all_sweeps(forms: Sequence[str]) -> tuple[JudgedSweep, ...]:
    found = []
    for form in forms:
        for name in EXPERIMENTS:
            try:
                found.append(JudgedSweep(read_sweep(name, form), form))
            except FileNotFoundError:  # an experiment need not have every form
                continue
    return tuple(found)


def _recorded(name: str) -> JudgedSweep:
    return JudgedSweep(read_sweep(name), "recorded")


def _arm(label: str, sweep: Sweep) -> dict[str, Any]:
    spec = next(run.spec for run in sweep.runs if run.label == label)
    keys = ("depth", "bias", "init_scale", "learning_rate")
    return {"name": label} | {key: getattr(spec, key) for key in keys} | {"paths": list(spec.paths)}
