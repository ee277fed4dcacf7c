"""Checkpoints as others save them: prefixes, shards, shared memory, extra state; whole, or refused."""

import io
import json

import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import nn

from simulations.models.checkpoints import load_checkpoint
from simulations.networks import fcn


@pytest.fixture
def network():
    return fcn(2, 4, 5, 3, bias="all", seed=0)


def renamed(network, change):
    return {change(name): tensor for name, tensor in network.state_dict().items()}


def same(found, network):
    wanted = network.state_dict()
    return set(found) == set(wanted) and all(torch.equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "model._orig_mod.", "_orig_mod.module.model."]
)
def test_a_prefix_is_left_out_where_exactly_that_makes_the_names_fit(network, prefix):
    state = renamed(network, lambda name: prefix + name)
    with pytest.warns(UserWarning, match=f"start: '{prefix}' is left out of its names"):
        assert same(load_checkpoint("start", state, network), network)
    with pytest.raises(ValueError, match=f"does not fit the model: missing .*unknown .*{prefix}"):
        load_checkpoint("start", state | {prefix + "more": torch.ones(1)}, network)
    with pytest.raises(ValueError, match="does not fit the model"):
        load_checkpoint(
            "start", {name: t for name, t in state.items() if name != f"{prefix}1.weight"}, network
        )


def test_names_that_fit_keep_their_prefix():
    wrapped = nn.ModuleDict({"module": nn.Linear(2, 2), "model": nn.Linear(2, 2)})
    assert same(load_checkpoint("start", wrapped.state_dict(), wrapped), wrapped)
    inner = nn.ModuleDict({"module": nn.ModuleDict({"module": nn.Linear(2, 2)})})
    assert same(load_checkpoint("start", inner.state_dict(), inner), inner)
    state = {f"module.{name}": tensor for name, tensor in inner.state_dict().items()}
    with pytest.warns(UserWarning, match="'module.' is left out"):
        assert same(load_checkpoint("start", state, inner), inner)


def test_a_part_that_was_compiled_loses_its_mark_in_the_middle(network):
    model = nn.ModuleDict({"body": nn.Linear(2, 2), "head": nn.Linear(2, 2)})
    state = {name.replace("body.", "body._orig_mod."): tensor for name, tensor in model.state_dict().items()}
    with pytest.warns(UserWarning, match="'_orig_mod.' is left out"):
        assert same(load_checkpoint("start", state, model), model)


def shards(network, folder, index="model.safetensors.index.json"):
    names = list(network.state_dict())
    files = {name: f"model-0000{i % 2 + 1}-of-00002.safetensors" for i, name in enumerate(names)}
    for file in set(files.values()):
        part = {name: network.state_dict()[name] for name in names if files[name] == file}
        save_file(part, folder / file)
    (folder / index).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": files}))
    return folder / index, files


def test_shards_are_read_by_their_index_or_their_folder(network, tmp_path):
    index, _ = shards(network, tmp_path)
    assert same(load_checkpoint("end", index, network), network)
    assert same(load_checkpoint("end", str(tmp_path), network), network)
    alone = tmp_path / "alone"
    alone.mkdir()
    save_file(network.state_dict(), alone / "model.safetensors")
    assert same(load_checkpoint("end", alone, network), network)


def test_shards_that_are_not_whole_are_refused(network, tmp_path):
    def refused(change, error, message):
        index, files = shards(network, tmp_path)
        change(index, files)
        with pytest.raises(error, match=message) as raised:
            load_checkpoint("end", index, network)
        assert "\n" not in str(raised.value)

    def write(text):
        return lambda index, _: index.write_text(text if isinstance(text, str) else json.dumps(text))

    first = "model-00001-of-00002.safetensors"
    refused(
        lambda index, _: (index.parent / first).unlink(), FileNotFoundError, f"names the file {first}, which"
    )
    refused(
        lambda index, _: (index.parent / first).write_bytes((index.parent / first).read_bytes()[:40]),
        ValueError,
        f"{first} is damaged",
    )
    refused(
        lambda *_: save_file({"other": torch.ones(1)}, tmp_path / first),
        ValueError,
        "do not belong together: '1.weight' is in the index alone",
    )
    for text in ("{", "[]", "{}", {"weight_map": 3}):
        refused(write(text), ValueError, "is no index of safetensors files")
    for files in ({"a": "../a.safetensors"}, {"a": "/etc/a.safetensors"}, {"a": "a.bin"}, {}, {"a": 3}):
        refused(
            write({"weight_map": files}),
            ValueError,
            "(must name .safetensors files that lie beside it|is no index)",
        )


def test_a_folder_that_holds_none_or_several_is_refused(network, tmp_path):
    with pytest.raises(ValueError, match=r"is a folder, which must hold one \.safetensors .*it holds none"):
        load_checkpoint("end", tmp_path, network)
    for name in ("a", "b"):
        save_file(network.state_dict(), tmp_path / f"{name}.safetensors")
    with pytest.raises(ValueError, match=r"it holds 2: a.safetensors, b.safetensors: name the file"):
        load_checkpoint("end", tmp_path, network)


class TiedByData(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = nn.Linear(3, 3), nn.Linear(3, 3, bias=False), nn.Linear(3, 2)
        self.second.weight.data = self.first.weight.data


def test_weights_tied_by_data_and_saved_once_are_whole(tmp_path):
    model = TiedByData()
    save_model(model, str(tmp_path / "tied.safetensors"))
    assert same(load_checkpoint("end", tmp_path / "tied.safetensors", model), model)
    state = dict(model.state_dict())
    with pytest.raises(
        ValueError, match=r"'second.weight'\] and .*'first.weight'\] are one tensor in the model"
    ):
        load_checkpoint("end", state | {"second.weight": state["second.weight"] + 1}, model)


class WithExtra(nn.Module):
    def __init__(self, extra):
        super().__init__()
        self.head, self.extra = nn.Linear(3, 2), extra

    def get_extra_state(self):
        return self.extra

    def set_extra_state(self, state):
        self.extra = state

    def forward(self, x):
        return self.head(x)


EXTRAS = [
    ({"scale": 2}, {"scale": 3}),
    (None, 1),
    (io.BytesIO(b"one"), io.BytesIO(b"two")),
    (torch.tensor([1, 2]), torch.tensor([1, 3])),
    (torch.ones(2), {"a": 1}),
    ({"a": torch.ones(2)}, {"a": torch.ones(2)}),  # cannot be compared: not known to be the same
]


@pytest.mark.parametrize(("own", "other"), EXTRAS)
def test_extra_state_is_left_out_where_it_is_the_models(own, other):
    nested = nn.Sequential(WithExtra(own), nn.ReLU())
    state = {name: t for name, t in nested.state_dict().items() if not name.endswith("_extra_state")}
    if not isinstance(own, dict) or "a" not in own:
        assert set(load_checkpoint("end", nested.state_dict(), nested)) == set(state)
    assert set(load_checkpoint("end", state, nested)) == set(state)  # a safetensors file cannot hold it
    with pytest.raises(
        ValueError, match=r"end\['0._extra_state'\] is extra state of a module and not the model's"
    ):
        load_checkpoint("end", nested.state_dict() | {"0._extra_state": other}, nested)


def test_a_buffer_of_that_name_is_a_buffer():
    model = nn.Linear(2, 2)
    model.register_buffer("_extra_state", torch.ones(2))
    assert set(load_checkpoint("end", model.state_dict(), model)) == {"weight", "bias", "_extra_state"}
