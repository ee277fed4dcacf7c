"""Causal language models: no output depends on a later token; started by seed, all of it by `init_scale`."""

import pytest
import torch

from simulations.networks.language_models import causal_transformer, lstm

BUILD = {
    "transformer": lambda **how: causal_transformer(11, 7, depth=2, width=8, **how),
    "lstm": lambda **how: lstm(11, depth=2, width=8, **how),
}


@pytest.mark.parametrize("kind", BUILD)
def test_no_output_depends_on_a_later_token(kind):
    network = BUILD[kind](seed=1).eval()
    tokens = torch.randint(11, (3, 7), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = network(tokens)
        assert whole.shape == (3, 7, 11)
        for place in range(1, 7):
            changed = tokens.clone()
            changed[:, place:] = (changed[:, place:] + 1) % 11
            found = network(changed)
            assert torch.equal(found[:, :place], whole[:, :place])
            assert not torch.equal(found[:, place], whole[:, place])
            # A shorter sequence is the beginning of a longer one.
            torch.testing.assert_close(network(tokens[:, :place]), whole[:, :place])


@pytest.mark.parametrize("kind", BUILD)
def test_the_start_is_of_the_seed_alone_and_grows_with_its_scale(kind):
    state = torch.random.get_rng_state()
    one, again, other = (BUILD[kind](seed=s).state_dict() for s in (1, 1, 2))
    wide = BUILD[kind](seed=1, init_scale=3.0).state_dict()
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, tensor in one.items():
        assert torch.equal(tensor, again[name])
        if tensor.unique().numel() > 1:  # shifts of layer norms start at 0, their scales at 1
            assert not torch.equal(tensor, other[name])
            torch.testing.assert_close(wide[name], 3 * tensor)


@pytest.mark.parametrize("kind", BUILD)
def test_a_bias_is_where_the_mode_says(kind):
    named = {
        mode: [n for n in BUILD[kind](seed=0, bias=mode).state_dict() if "bias" in n]
        for mode in ("last", "none")
    }
    assert len(named["last"]) == 1
    assert named["none"] == []
