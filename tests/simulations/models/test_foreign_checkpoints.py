"""Checkpoints of other models are refused by their header; tensors that no line goes through, by name."""

import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from simulations.models.checkpoints import load_checkpoint

MODEL = nn.Linear(4, 3)
STATE = {name: tensor.detach().clone() for name, tensor in MODEL.state_dict().items()}


def no_reading(*_, **__):
    raise AssertionError("a tensor was read")


@pytest.mark.parametrize("sharded", [False, True])
def test_unknown_names_are_refused_from_the_header_in_a_short_line(tmp_path, monkeypatch, sharded):
    names = [f"layer{i:06}.weight" for i in range(2000)]
    file = tmp_path / "model.safetensors"
    if sharded:
        save_file(STATE, file)
        file = tmp_path / "model.safetensors.index.json"
        file.write_text(json.dumps({"weight_map": dict.fromkeys(names, "model.safetensors")}))
    else:
        one = torch.zeros(1)
        save_file({name: one.clone() for name in names}, file)
    monkeypatch.setattr("safetensors.torch.load_file", no_reading)
    with pytest.raises(ValueError, match=r"unknown \['layer000000\.weight', .* and 1980 more\]$") as refused:
        load_checkpoint("end", file, MODEL)
    assert len(str(refused.value)) < 1000


def test_what_fits_but_for_a_wrapper_is_still_read(tmp_path):
    save_file({f"module.{name}": tensor for name, tensor in STATE.items()}, tmp_path / "a.safetensors")
    with pytest.warns(UserWarning, match="is left out") as said:
        found = load_checkpoint("end", tmp_path / "a.safetensors", MODEL)
    assert len(said) == 1
    assert all(torch.equal(found[name], tensor) for name, tensor in STATE.items())


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (torch.Tensor.to_sparse, "sparse_coo"),
        (torch.Tensor.to_sparse_csr, "sparse_csr"),
        (lambda weight: weight.to("meta"), "meta device"),
    ],
    ids=["coo", "csr", "meta"],
)
@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_tensors_without_plain_values_are_refused(made, words):
    with pytest.raises(ValueError, match=f"'weight'.*{words}"):
        load_checkpoint("end", STATE | {"weight": made(STATE["weight"])}, MODEL)


def test_a_model_on_the_meta_device_is_refused():
    with pytest.raises(ValueError, match="the model's 'weight' is on the meta device"):
        load_checkpoint("end", STATE, nn.Linear(4, 3, device="meta"))


def test_keys_that_are_no_names_are_refused():
    with pytest.raises(ValueError, match="whose keys are names: one is 0"):
        load_checkpoint("end", STATE | {0: torch.zeros(1)}, MODEL)
