"""Folders of torch.distributed.checkpoint: read in one process, whole or refused; nothing of them is run."""

import io
import os
import pickle
import warnings

import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch import nn
from torch.distributed.checkpoint.metadata import (
    BytesStorageMetadata,
    ChunkStorageMetadata,
    MetadataIndex,
    TensorProperties,
    TensorStorageMetadata,
)

from mli.user_checkpoints import load_end
from simulations.models.checkpoints import load_checkpoint
from simulations.models.distributed_checkpoint import read_distributed

READ = ".*is read as a pickle: only files you trust"


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def save(state, folder):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        dcp.save(state, checkpoint_id=folder, no_dist=True)


def edited(folder, change):
    """The folder's metadata, changed by a function and written again."""
    file = folder / ".metadata"
    metadata = pickle.loads(file.read_bytes())
    change(metadata)
    file.write_bytes(pickle.dumps(metadata))


def parts(size, *pieces):
    """A tensor of float32 in pieces of (offsets, sizes)."""
    chunks = [ChunkStorageMetadata(torch.Size(offsets), torch.Size(sizes)) for offsets, sizes in pieces]
    return TensorStorageMetadata(TensorProperties(dtype=torch.float32), torch.Size(size), chunks)


def read(folder, model):
    with pytest.warns(UserWarning, match=READ):
        return load_end(folder, model, allow_pickle=True)


def test_a_state_dict_and_a_training_with_its_optimizer(tmp_path):
    torch.manual_seed(19)
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    expected = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save(model.state_dict(), tmp_path / "alone")
    save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": 3}, tmp_path / "training")
    for folder, warns in (
        ("alone", [READ[2:]]),
        ("training", [READ[2:], "the weights are the entry 'model'"]),
    ):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found = load_end(tmp_path / folder, network(), allow_pickle=True)
        assert len(said) == len(warns)
        assert all(any(words in str(one.message) for one in said) for words in warns)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_tensor_in_parts_of_two_processes_is_put_together(tmp_path):
    """By hand: what two ranks would have saved of one weight, as two tensors renamed in the metadata."""
    weight = torch.arange(12.0).reshape(4, 3)
    save({"upper": weight[:3].clone(), "lower": weight[3:].clone()}, tmp_path)

    def joined(metadata, pieces=(((0, 0), (3, 3)), ((3, 0), (1, 3)))):
        metadata.state_dict_metadata = {"weight": parts((4, 3), *pieces)}
        metadata.planner_data = {"weight": ("weight",)}
        metadata.storage_data = {
            MetadataIndex("weight", offsets): info
            for (offsets, _), info in zip(
                (((0, 0), 0), ((3, 0), 0)),
                (metadata.storage_data[MetadataIndex(name, (0, 0))] for name in ("upper", "lower")),
                strict=True,
            )
        }

    edited(tmp_path, joined)
    assert torch.equal(read(tmp_path, nn.Linear(3, 4, bias=False))["weight"], weight)
    for pieces, message in (
        ((((0, 0), (3, 3)),), "the parts of 'weight' do not cover it, each number once"),
        ((((0, 0), (3, 3)), ((2, 0), (2, 3))), "do not cover it, each number once"),
        ((((0, 0), (3, 3)), ((3, 0), (2, 3))), "a part of 'weight' is outside of it"),
    ):
        edited(
            tmp_path,
            lambda m, pieces=pieces: m.state_dict_metadata.update({"weight": parts((4, 3), *pieces)}),
        )
        with pytest.warns(UserWarning, match=READ), pytest.raises(ValueError, match=message) as refused:
            load_end(tmp_path, nn.Linear(3, 4, bias=False), allow_pickle=True)
        assert "\n" not in str(refused.value)


class Bomb:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (type(self.marker).touch, (self.marker,))


def to_elsewhere(metadata):
    for key, info in metadata.storage_data.items():
        metadata.storage_data[key] = type(info)("../" + info.relative_path, info.offset, info.length)


def too_large(metadata):
    size = (2**40, 3)
    metadata.state_dict_metadata["0.weight"] = parts(size, ((0, 0), size))


def another_kind(metadata):
    metadata.state_dict_metadata["0.weight"] = 3


def bytes_that_look_like_a_tensor(folder, marker):
    """What torch would unpickle without a limit, with every attribute of the tensor's own description."""
    content = io.BytesIO()
    torch.save(Bomb(marker), content)
    (folder / "bomb.distcp").write_bytes(content.getvalue())

    def change(metadata):
        disguised = BytesStorageMetadata()
        vars(disguised).update(vars(metadata.state_dict_metadata["0.weight"]))
        metadata.state_dict_metadata["0.weight"] = disguised
        info = metadata.storage_data.pop(MetadataIndex("0.weight", (0, 0)))
        place = type(info)("bomb.distcp", 0, len(content.getvalue()))
        metadata.storage_data[MetadataIndex("0.weight")] = place

    edited(folder, change)


def pipe(folder, _):
    file = next(folder.glob("*.distcp"))
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder, _: next(folder.glob("*.distcp")).unlink(), "is damaged"),
        (lambda folder, _: next(folder.glob("*.distcp")).write_bytes(b"\0" * 9000), "is damaged"),
        (lambda folder, _: (folder / ".metadata").write_bytes(b"no pickle"), "is damaged"),
        (
            lambda folder, marker: (folder / ".metadata").write_bytes(pickle.dumps(Bomb(marker))),
            "which no checkpoint needs",
        ),
        (
            lambda folder, marker: edited(
                folder, lambda m: vars(m).update(planner_data={"0.weight": Bomb(marker)})
            ),
            "which no checkpoint needs",
        ),
        (lambda folder, _: edited(folder, to_elsewhere), "which must lie in the folder itself"),
        (lambda folder, _: edited(folder, too_large), "is larger than the folder's files"),
        (lambda folder, _: edited(folder, another_kind), "holds a int by the name '0.weight'"),
        (bytes_that_look_like_a_tensor, r"missing \['0.weight'\]"),
        pytest.param(
            pipe,
            "is no regular file",
            marks=pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes by name"),
        ),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line_and_runs_nothing(tmp_path, harm, message):
    folder, marker = tmp_path / "saved", tmp_path / "code was run"
    save(network().state_dict(), folder)
    harm(folder, marker)
    with pytest.warns(UserWarning, match=READ), pytest.raises(ValueError, match=message) as refused:
        load_end(folder, network(), allow_pickle=True)
    assert "\n" not in str(refused.value)
    assert not marker.exists()


def test_it_is_a_pickle_unless_asked_for_and_another_networks_is_told_by_its_names(tmp_path):
    save(network().state_dict(), tmp_path / "saved")
    for refusing in (
        lambda: load_end(tmp_path / "saved", network()),
        lambda: load_checkpoint("end", tmp_path / "saved", network()),
    ):
        with pytest.raises(ValueError, match=r"whose \.metadata is a pickle: .* --allow-pickle"):
            refusing()
    with pytest.warns(UserWarning, match=READ), pytest.raises(ValueError, match="does not fit the model"):
        load_end(tmp_path / "saved", nn.Linear(2, 2), allow_pickle=True)


def test_bytes_are_not_read_where_the_names_ask_for_them_either(tmp_path):
    """The second lock: whoever calls the reader by itself with a name that is no tensor's."""
    folder, marker = tmp_path / "saved", tmp_path / "code was run"
    save(network().state_dict(), folder)
    bytes_that_look_like_a_tensor(folder, marker)
    with pytest.raises(ValueError, match="something else than a tensor by a tensor's name"):
        read_distributed("end", folder, {"0.weight": "0.weight"})
    assert not marker.exists()
