"""A small vision transformer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from simulations.networks.arguments import check_choices, check_image_shape, check_integers
from simulations.networks.initialisation import initialised
from simulations.runtime.random_streams import torch_stream

__all__ = ["Block", "Positions", "vit"]

LARGEST_PATCH = 4
FEWEST_PATCHES = 4  # along a side
POSITION_STD = 0.02


def vit(
    input_shape: Sequence[int],
    n_classes: int,
    *,
    depth: int,
    width: int,
    heads: int = 4,
    patch: int | None = None,
    bias: str = "all",
    init_scheme: str = "he",
    init_scale: float = 1.0,
    seed: int,
) -> nn.Sequential:
    """A vision transformer: patches, encoder blocks, layer norm, the mean over patches, one linear head.

    Each of the `depth` blocks adds self-attention, then two linear layers with GELU between them (four times
    as wide inside), both of a layer norm of the tokens. No class token, no dropout. Layer norm makes the
    signal homogeneous in no scaling: the line's general laws hold, those of homogeneous networks do not.

    Position embeddings start from N(0, 0.02^2) (times `init_scale`) and are there in every bias mode: they
    belong to the input, a pattern over patches that tells where each is.

    Args:
        input_shape: (channels, height, width) of an image.
        n_classes: >= 2.
        depth: blocks, >= 1; a block has four weight layers.
        width: numbers in a token, a multiple of `heads`.
        heads: >= 1.
        patch: side of the square patches, a divisor of height and width. None: the largest up to 4 that
            leaves four along a side (32 x 32 and 28 x 28: 4; 8 x 8: 2).
        bias: "all", "last" (the head's) or "none": shifts of layer norms are biases too
            (`simulations.networks.bias_modes`).
        init_scheme: "he", "torch" or "orthogonal" (`simulations.networks.initialisation`).
        init_scale: > 0.
        seed: of the stream "init".

    Raises:
        ValueError: a value outside these; the message shows it.

    Source: Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021; the mean in the class token's place
    and the sizes are ours.
    """
    channels, height, image_width = check_image_shape(input_shape)
    check_integers(n_classes=(n_classes, 2), depth=(depth, 1), width=(width, 1), heads=(heads, 1))
    check_choices(bias, init_scheme, init_scale)
    if width % heads:
        raise ValueError(f"width must be a multiple of the {heads} heads, got {width}")
    side = _patch(height, image_width) if patch is None else patch
    check_integers(patch=(side, 1))
    if height % side or image_width % side:
        raise ValueError(f"patch must divide height and width, got {side} for {height} x {image_width}")
    n_patches = (height // side) * (image_width // side)
    return initialised(
        lambda: nn.Sequential(
            nn.Conv2d(channels, width, side, side, bias=bias == "all"),
            _Tokens(),
            Positions(n_patches, width),
            *(Block(width, heads, bias == "all") for _ in range(depth)),
            nn.LayerNorm(width, bias=bias == "all"),
            _Mean(),
            nn.Linear(width, n_classes, bias=bias != "none"),
        ),
        scheme=init_scheme,
        scale=init_scale,
        stream=torch_stream(seed, "init"),
    )


def _patch(height: int, width: int) -> int:
    most = max(1, min(LARGEST_PATCH, height // FEWEST_PATCHES, width // FEWEST_PATCHES))
    return next(side for side in range(most, 0, -1) if not height % side and not width % side)


class _Tokens(nn.Module):
    """(n, width, rows, columns) to (n, rows columns, width)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(2).transpose(1, 2)


class Positions(nn.Module):
    """Adds to each patch (or token) the embedding of its place; there may be fewer than places."""

    def __init__(self, n_patches: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(n_patches, width))

    def draw(self, stream: torch.Generator, scale: float) -> None:
        """Start the embeddings, as `simulations.networks.initialisation` asks."""
        self.embedding.normal_(0.0, POSITION_STD, generator=stream).mul_(scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens (n, t, width), t at most the places, to the same shape."""
        return x + (self.embedding if x.shape[1] == len(self.embedding) else self.embedding[: x.shape[1]])


# Not nn.TransformerEncoderLayer, with which these two agree: in evaluation it takes another path of code than
# in training, with other last digits. Nor torch's fused attention: neither has a batching rule for vmap.
class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, bias: bool, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.queries_keys_values = nn.Linear(width, 3 * width, bias=bias)
        self.out = nn.Linear(width, width, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, tokens, width = x.shape
        # (3, n, heads, tokens, width/heads)
        parts = self.queries_keys_values(x).view(n, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = parts[0] @ parts[1].transpose(-2, -1) / parts[0].shape[-1] ** 0.5
        if self.causal:
            later = torch.ones(tokens, tokens, dtype=torch.bool, device=x.device).triu(1)
            scores = scores.masked_fill(later, -torch.inf)
        attention = scores.softmax(dim=-1)
        mixed = attention @ parts[2]
        out: torch.Tensor = self.out(mixed.transpose(1, 2).reshape(n, tokens, width))
        return out


class Block(nn.Module):
    """Adds self-attention, then two linear layers with GELU between them, both of a layer norm of the tokens.

    With `causal` no token looks at a later one.
    """

    def __init__(self, width: int, heads: int, bias: bool, *, causal: bool = False) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, bias=bias)
        self.attention = _Attention(width, heads, bias, causal)
        self.linear_norm = nn.LayerNorm(width, bias=bias)
        self.linear = nn.Sequential(
            nn.Linear(width, 4 * width, bias=bias), nn.GELU(), nn.Linear(4 * width, width, bias=bias)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens (n, t, width) to the same shape."""
        x = x + self.attention(self.attention_norm(x))
        out: torch.Tensor = x + self.linear(self.linear_norm(x))
        return out


class _Mean(nn.Module):
    """Over patches."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=1)
