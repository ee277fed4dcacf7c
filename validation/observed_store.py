"""The store's runs as observations: labelled by their arms, failures listed, Gauss lengths added."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import xarray as xr

from simulations.run_spec import RunSpec
from simulations.runs import Store
from validation.observations import LeftOut, Observations, observe
from validation.profiles import Judged
from validation.run_gauss_length import run_gauss_length

__all__ = ["observe_store"]


def observe_store(
    store: Store, judged: Sequence[Judged], simple_model: Iterable[xr.Dataset] = ()
) -> tuple[tuple[xr.Dataset, ...], Observations]:
    """All runs of the sweeps that the store has, and the observations made of them.

    A run's attribute `arm` is its label behind "<experiment>/", alone for the star; runs of another form than
    the quick one have that form's name before it, so that they are never counted with those that the rules
    are about. Runs of the star have `gauss_length`.

    Raises:
        DamagedRunError: a file in the store is not what was written.
    """
    runs: list[xr.Dataset] = []
    failed: list[LeftOut] = []
    for one in judged:
        for planned in one.sweep.runs:
            arm, spec = one.prefix + planned.label, planned.spec
            if store.is_finished(spec):
                runs.append(_labelled(store, spec, one, arm))
            elif failure := store.failure(spec):
                failed.append(LeftOut(arm, spec.seed, f"ended in an error: {failure.get('error', '')}"))
    observations = observe(runs, simple_model)
    return tuple(runs), replace(observations, left_out=(*observations.left_out, *failed))


def _labelled(store: Store, spec: RunSpec, judged: Judged, arm: str) -> xr.Dataset:
    run = store.load(spec).assign_attrs(experiment=judged.sweep.name, form=judged.form, arm=arm)
    if judged.prefix == "" and run.attrs["status"] == "reached":
        run = run.assign(gauss_length=run_gauss_length(store, spec))
    return run
