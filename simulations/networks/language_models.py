"""Small causal language models: a transformer and an LSTM; tokens (n, t) in, logits (n, t, k) out.

The logits at a place are of the token that follows it, and depend on no later one.
"""

from __future__ import annotations

import torch
from torch import nn

from simulations.networks.arguments import check_choices, check_integers
from simulations.networks.initialisation import initialised
from simulations.networks.vision_transformer import Block, Positions
from simulations.runtime.random_streams import torch_stream

__all__ = ["causal_transformer", "lstm"]

HEADS = 4


def causal_transformer(
    n_tokens: int,
    n_places: int,
    *,
    depth: int,
    width: int,
    bias: str = "all",
    init_scheme: str = "he",
    init_scale: float = 1.0,
    seed: int,
) -> nn.Sequential:
    """A causal transformer: embeddings of tokens and places, blocks, layer norm, one linear head; no dropout.

    The blocks are those of `simulations.networks.vision_transformer`, each token looking at none after it.

    Args:
        n_tokens: of the vocabulary, >= 2.
        n_places: the longest sequence, >= 1.
        depth: blocks, >= 1.
        width: numbers in a token, a multiple of `HEADS`.
        bias: "all", "last" (the head's) or "none".
        init_scheme: "he", "torch" or "orthogonal" (`simulations.networks.initialisation`).
        init_scale: > 0.
        seed: of the stream "init".

    Raises:
        ValueError: a value outside these; the message shows it.
    """
    check_integers(n_tokens=(n_tokens, 2), n_places=(n_places, 1), depth=(depth, 1), width=(width, 1))
    check_choices(bias, init_scheme, init_scale)
    if width % HEADS:
        raise ValueError(f"width must be a multiple of the {HEADS} heads, got {width}")
    every = bias == "all"
    return initialised(
        lambda: nn.Sequential(
            nn.Embedding(n_tokens, width),
            Positions(n_places, width),
            *(Block(width, HEADS, every, causal=True) for _ in range(depth)),
            nn.LayerNorm(width, bias=every),
            nn.Linear(width, n_tokens, bias=bias != "none"),
        ),
        scheme=init_scheme,
        scale=init_scale,
        stream=torch_stream(seed, "init"),
    )


def lstm(
    n_tokens: int,
    *,
    depth: int,
    width: int,
    bias: str = "all",
    init_scheme: str = "he",
    init_scale: float = 1.0,
    seed: int,
) -> nn.Sequential:
    """An LSTM: embeddings of tokens, torch's layers one after the other, one linear head; no dropout.

    Args:
        n_tokens: of the vocabulary, >= 2.
        depth: layers, >= 1.
        width: numbers in a token, and units of each layer, >= 1.
        bias: "all", "last" (the head's) or "none".
        init_scheme: "he", "torch" or "orthogonal"; an LSTM's own matrices start as torch's in each.
        init_scale: > 0.
        seed: of the stream "init".

    Raises:
        ValueError: a value outside these; the message shows it.
    """
    check_integers(n_tokens=(n_tokens, 2), depth=(depth, 1), width=(width, 1))
    check_choices(bias, init_scheme, init_scale)
    return initialised(
        lambda: nn.Sequential(
            nn.Embedding(n_tokens, width),
            nn.LSTM(width, width, num_layers=depth, bias=bias == "all", batch_first=True),
            _Outputs(),
            nn.Linear(width, n_tokens, bias=bias != "none"),
        ),
        scheme=init_scheme,
        scale=init_scale,
        stream=torch_stream(seed, "init"),
    )


class _Outputs(nn.Module):
    """Of an LSTM's outputs and last states the outputs."""

    def forward(self, found: tuple[torch.Tensor, object]) -> torch.Tensor:
        return found[0]
