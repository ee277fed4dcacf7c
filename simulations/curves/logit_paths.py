"""Every sample's logits along the line, for what needs the path itself (Gauss length)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import nn

from simulations.interpolation.chebyshev import chebyshev_nodes
from simulations.line.line_setup import open_line
from simulations.line.paths import PathFunction
from simulations.line.step_batches import grouped
from simulations.models.buffers import chosen_policy
from simulations.models.checkpoints import Checkpoint
from simulations.models.evaluation import BATCH
from simulations.models.last_layer import Output
from simulations.runtime.names_in_words import first_of
from simulations.user_data.data_passes import BatchHook

__all__ = ["logit_path"]


def logit_path(
    model: nn.Module,
    start: Checkpoint,
    end: Checkpoint,
    data: Any,
    *,
    nodes: int = 17,
    path: str | PathFunction = "linear",
    buffers: str = "refuse",
    calibration: Any = None,
    bias_depth: Mapping[str, int] | None = None,
    batch_hook: BatchHook | None = None,
    device: torch.device | str | None = None,
    biases: Sequence[str] | None = None,
    last_layer: str | None = None,
    output: Output = None,
    batch_norm: str | None = None,
) -> xr.Dataset:
    """The logits at nested Chebyshev points: `logits(node, sample, output)`, coordinate `alpha(node)`.

    Arguments as in `simulations.curves.interpolation_curves`; nodes: 2^p + 1, evaluated for all samples.
    Float32 or float64 as the model's. Memory: nodes x samples x outputs, all of it.

    Raises:
        ValueError: as there, and a number of nodes that is not 2^p + 1.
    """
    alphas = chebyshev_nodes(nodes)
    with open_line(
        model,
        start,
        end,
        data,
        path=path,
        buffers=chosen_policy(buffers, batch_norm),
        calibration=calibration,
        bias_depth=bias_depth,
        batch_hook=batch_hook,
        device=device,
        biases=biases,
        last_layer=last_layer,
        output=output,
    ) as opened:
        if list(opened.splits) != [""]:
            raise ValueError(
                f"a logit path is of one data set, got the splits {first_of(map(repr, opened.splits))}"
            )
        batches = opened.splits[""]
        with opened.line.in_precision():
            found = [
                torch.stack([batch.logits(opened.line, float(a), None) for a in alphas]).numpy()
                for batch in grouped(batches, BATCH)
            ]
    return xr.Dataset(
        {"logits": (("node", "sample", "output"), np.concatenate(found, axis=1))},
        coords={"alpha": ("node", alphas)},
        attrs={"path": path if isinstance(path, str) else "callable", "data_hash": batches.content_hash},
    )
