"""The vision transformer against torch's own encoder, its patches, and that it trains."""

import pytest
import torch
from torch import nn

from simulations.datasets.image_dataset import load
from simulations.networks import BIAS_MODES, vit
from simulations.runtime.random_streams import torch_stream
from simulations.training.single import train

SHAPE, WIDTH, DEPTH, HEADS = (2, 8, 12), 16, 3, 4


def library_encoder(network, bias):
    """torch's encoder, given our numbers."""
    encoder = nn.Sequential(
        *(
            nn.TransformerEncoderLayer(
                WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True, bias=bias
            )
            for _ in range(DEPTH)
        )
    )
    order = ("norm1", "self_attn.in_proj_", "self_attn.out_proj", "norm2", "linear1", "linear2")
    ours = (
        "attention_norm",
        "attention.queries_keys_values",
        "attention.out",
        "linear_norm",
        "linear.0",
        "linear.2",
    )
    renamed = {}
    for name, tensor in nn.Sequential(*network[3 : 3 + DEPTH]).state_dict().items():
        layer, _, rest = name.partition(".")
        module, _, kind = rest.rpartition(".")
        theirs = order[ours.index(module)]
        renamed[f"{layer}.{theirs}{'' if theirs.endswith('_') else '.'}{kind}"] = tensor
    encoder.load_state_dict(renamed)
    return encoder


@pytest.mark.parametrize("bias", [True, False])
def test_the_blocks_are_torchs_encoder(bias):
    network = vit(SHAPE, 5, depth=DEPTH, width=WIDTH, heads=HEADS, bias="all" if bias else "last", seed=0)
    stream = torch_stream(0, "awake")
    for name, tensor in network.state_dict().items():
        if name.endswith("bias") or tensor.ndim == 1:
            tensor.normal_(0.5, 0.3, generator=stream)
    tokens = torch.randn(2, 7, WIDTH, generator=stream)
    torch.testing.assert_close(network[3 : 3 + DEPTH](tokens), library_encoder(network, bias)(tokens))


def test_patches_positions_and_head_are_what_they_say():
    network = vit(SHAPE, 5, depth=1, width=WIDTH, patch=2, seed=0)
    x = torch.randn(3, *SHAPE, generator=torch_stream(0, "inputs"))
    kernel = network[0].weight
    tokens = network[:3](x)
    assert tokens.shape == (3, 24, WIDTH)
    for row, column in ((0, 0), (1, 0), (3, 5)):
        patch = x[1, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        place = 6 * row + column
        expected = (kernel * patch).sum(dim=(1, 2, 3)) + network[2].embedding[place]
        torch.testing.assert_close(tokens[1, place], expected)
    before_head = network[:-1](x)
    assert before_head.shape == (3, WIDTH)
    torch.testing.assert_close(before_head, network[:-2](x).mean(dim=1))
    assert torch.equal(network(x), network[-1](before_head))


@pytest.mark.parametrize("bias", BIAS_MODES)
def test_parameters_by_formula(bias):
    total = sum(
        p.numel() for p in vit(SHAPE, 5, depth=DEPTH, width=WIDTH, patch=4, bias=bias, seed=0).parameters()
    )
    every, last = bias == "all", bias != "none"
    norm = (1 + every) * WIDTH
    block = 2 * norm + 12 * WIDTH**2 + every * 9 * WIDTH
    patches, positions = 2 * 16 * WIDTH + every * WIDTH, 6 * WIDTH
    assert total == patches + positions + DEPTH * block + norm + 5 * WIDTH + last * 5


@pytest.mark.parametrize(
    ("shape", "side"),
    [((3, 32, 32), 4), ((1, 28, 28), 4), ((1, 8, 8), 2), ((1, 3, 9), 1), ((1, 18, 16), 2), ((1, 17, 16), 1)],
)
def test_the_patch_fits_the_image(shape, side):
    network = vit(shape, 10, depth=1, width=8, seed=0)
    assert network[0].kernel_size == (side, side)
    assert network(torch.zeros(2, *shape)).shape == (2, 10)


def test_it_trains():
    data = load("digits", limit=100)
    network = vit((1, 8, 8), 10, depth=2, width=32, seed=0)
    result = train(network, data, optimizer="adam", learning_rate=0.003, batch_size=20, max_epochs=12, seed=0)
    assert float(result.history.error[-1]) < 0.45  # half of chance


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"depth": 0}, "depth .* got 0"),
        ({"width": 18}, "multiple of the 4 heads, got 18"),
        ({"heads": 0}, "heads .* got 0"),
        ({"patch": 3}, "patch must divide .* got 3 for 8 x 8"),
        ({"patch": 0}, "patch .* got 0"),
        ({"input_shape": (64,)}, r"got \(64,\)"),
        ({"bias": "first"}, "first"),
    ],
)
def test_bad_values_are_refused_by_name(changed, message):
    good = {"input_shape": (1, 8, 8), "n_classes": 10, "depth": 1, "width": 16, "seed": 0}
    with pytest.raises(ValueError, match=message):
        vit(**(good | changed))
