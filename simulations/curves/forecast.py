"""What a curve will take, before it is made: passes, memory, and the time of one small forward pass.

n samples, k classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter

import torch
from torch import nn

from simulations.curves.engine import FEW_ALPHAS, STEP_NUMBERS, most_nodes
from simulations.interpolation.adaptive import FIRST_LEVEL
from simulations.line.forward_pass import run_network
from simulations.models.evaluation import BATCH, evaluation_mode
from simulations.models.input_types import floating_types, in_network_type
from simulations.user_data.batch import Batch

__all__ = ["SMALL", "memory_bytes", "pass_bounds", "seconds_a_sample", "small_batch"]

SMALL = 64
"""Samples of the batch that is timed."""

WORKSPACE = 4 * 2**20 * 8 * 4  # bytes: 4 Mi numbers of interpolation, several times


def pass_bounds(n_alphas: int) -> tuple[int, int]:
    """Fewest and most forward passes over the data that `interpolation_curves` takes within [0, 1].

    The fewest are the first nodes; the most are all nodes and then every alpha, where interpolation does not
    reach its tolerances. A calibration of running statistics costs its passes beside them.
    """
    if n_alphas <= FEW_ALPHAS:
        return n_alphas, n_alphas
    return FIRST_LEVEL, most_nodes(n_alphas) + n_alphas


def memory_bytes(
    state: Mapping[str, torch.Tensor], n: int | None, k: int, n_alphas: int, *, samples_of: int = 0
) -> int:
    """Bytes beside torch, the data and the activations of a batch, an estimate from above.

    The network, both checkpoints and one copy; a step's logits at every node, several times; every sample's
    loss and correctness where they are kept.

    Args:
        state: of the end.
        n: samples, None where only a pass tells: then those of one step.
        k: classes.
        n_alphas: of the grid.
        samples_of: curves whose samples are kept, as a diagnosis does.
    """
    network = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    step = max(BATCH, STEP_NUMBERS // k)
    step = step if n is None else min(step, n)
    nodes = n_alphas if n_alphas <= FEW_ALPHAS else most_nodes(n_alphas)
    kept = 5 * n_alphas * (step if n is None else n) * samples_of
    return 4 * network + 4 * 8 * step * nodes * k + WORKSPACE + kept


def small_batch(batch: Batch) -> Batch:
    """The first `SMALL` samples; the whole batch where something that they share might be cut too."""
    return batch.take(torch.arange(min(SMALL, len(batch)))) if batch.is_one_tensor() else batch


def seconds_a_sample(model: nn.Module, state: Mapping[str, torch.Tensor], batch: Batch) -> float:
    """Of one forward pass of a batch with the weights of `state`, its second run timed, over its samples.

    Args:
        model: left as it was, but for a scripted module, which takes the weights.
        state: all parameters and buffers that a checkpoint has.
        batch: a small one.

    Raises:
        ValueError: the network cannot take the batch.
    """
    own = {name: buffer.detach() for name, buffer in model.named_buffers(remove_duplicate=False)}
    tensors = own | dict(state)
    types = floating_types(model)
    device = next((tensor.device for tensor in tensors.values()), torch.device("cpu"))
    batch = batch.to(device).with_tensors(lambda _, value: in_network_type(value, types))
    with evaluation_mode(model), torch.inference_mode():
        for _ in range(2):  # the first run sets things up
            fresh = {name: tensor.clone() for name, tensor in tensors.items()}
            began = perf_counter()
            run_network(model, fresh, batch)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            taken = perf_counter() - began
    return taken / len(batch)
