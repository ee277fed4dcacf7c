"""What users name on the command line: found, or refused with the reason; nothing is unpickled unasked."""

import pickle
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mli.user_checkpoints import load_end
from mli.user_network import find_object, load_data, load_start, network_from_factory
from simulations.datasets.image_dataset import ImageDataset
from simulations.networks import fcn

MODULE = """
import torch
from torch import nn

def network():
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))

def fixed():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return network()

def lazy():
    return nn.Sequential(nn.LazyLinear(3), nn.Dropout(0.5), nn.LazyLinear(2))

def parallel():
    return nn.DataParallel(network())

def data():
    return torch.ones(5, 4), torch.tensor([0, 1, 0, 1, 0])

nothing = None
def no_module():
    return 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder, current, with modules of the user's own."""
    (tmp_path / "their_code.py").write_text(MODULE)
    (tmp_path / "json.py").write_text("raise RuntimeError('the wrong json')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("their_code", None)


@pytest.fixture
def network(folder):
    return network_from_factory(find_object("their_code:network"))


def test_the_current_folder_comes_last(folder, monkeypatch):
    find_object("their_code:network")
    assert sys.path[-1] == str(folder)
    monkeypatch.delitem(sys.modules, "json")
    assert find_object("json:dumps")([1]) == "[1]"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("their_code", "must have the form package.module:name"),
        (":network", "must have the form package.module:name"),
        ("their_code:", "must have the form package.module:name"),
        ("no_such_code:network", "No module named 'no_such_code'"),
        ("their_code:netwrok", "their_code has no 'netwrok'"),
    ],
)
def test_a_name_that_names_nothing_is_refused(folder, name, message):
    with pytest.raises(ValueError, match=message):
        find_object(name)


def test_a_factory_must_make_a_module(folder):
    with pytest.raises(ValueError, match=r"must return a torch.nn.Module, got int"):
        network_from_factory(find_object("their_code:no_module"))
    with pytest.raises(ValueError, match="a function without arguments that makes it, got NoneType"):
        network_from_factory(find_object("their_code:nothing"))
    with pytest.raises(ValueError, match="a function without arguments that makes it, got Sequential"):
        network_from_factory(fcn(2, 2, 2, 2, seed=0))


def test_an_error_in_the_users_own_code_is_not_taken_for_bad_input(folder):
    """The command line shows refused input as one line; this must keep its traceback."""

    def broken():
        raise ValueError("their own")

    with pytest.raises(RuntimeError, match="the model's factory failed: their own"):
        network_from_factory(broken)


def test_init_is_the_factory_under_that_seed_and_moves_no_generator(folder, network):
    factory = find_object("their_code:network")
    end = network.state_dict()
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - the global one
    start, line = load_start("init:5", factory, network, end)
    assert torch.equal(before[0], torch.random.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = factory().state_dict()
    assert all(torch.equal(expected[name], tensor) for name, tensor in start.items())
    assert line.startswith("The start is re-drawn")
    assert "seed 5" in line
    assert "every torch seed" not in line


def test_a_factory_with_its_own_seed_is_told(folder, network):
    _, line = load_start("init:0", find_object("their_code:fixed"), network, network.state_dict())
    assert "the same weights under every torch seed" in line


def test_zero_keeps_the_running_statistics(network):
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    start, line = load_start("zero", lambda: model, model, model.state_dict())
    assert not start["0.weight"].any()
    assert not start["1.weight"].any()
    assert start["1.running_var"].all()
    assert line == "The start is zero in every parameter."


@pytest.mark.parametrize(
    "spec",
    ["init:", "init:-1", "init:x", "init:1.5", "init:" + "7" * 23, f"init:{2**64}", "init:" + "9" * 5000],
)
def test_a_seed_that_is_none_is_refused(network, spec):
    with pytest.raises(ValueError, match="must be init:SEED"):
        load_start(spec, lambda: network, network, network.state_dict())


def test_the_largest_seed_is_one(folder, network):
    factory = find_object("their_code:network")
    start, _ = load_start(f"init:{2**64 - 1}", factory, network, network.state_dict())
    with torch.random.fork_rng():
        torch.manual_seed(2**64 - 1)
        expected = factory().state_dict()
    assert all(torch.equal(expected[name], tensor) for name, tensor in start.items())


def test_lazy_layers_are_drawn_under_the_seed_by_one_batch(folder):
    factory, data = find_object("their_code:lazy"), (torch.ones(3, 4), torch.tensor([0, 1, 1]))
    network = network_from_factory(factory, 5, data)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = factory().eval()
        expected(torch.zeros(2, 4))
    assert all(torch.equal(tensor, network.state_dict()[n]) for n, tensor in expected.state_dict().items())
    start, _ = load_start("init:5", factory, network, network.state_dict(), data=data)
    assert all(torch.equal(tensor, start[name]) for name, tensor in expected.state_dict().items())
    assert network.training


def test_a_parallel_network_is_taken_out_of_its_wrapper(folder):
    network = network_from_factory(find_object("their_code:parallel"))
    assert list(network.state_dict()) == ["1.weight", "1.bias", "3.weight", "3.bias"]


def test_safetensors_read_back(folder, network):
    save_file(network.state_dict(), "end.safetensors")
    found = load_end("end.safetensors", network)
    assert all(torch.equal(found[name], tensor) for name, tensor in network.state_dict().items())


def test_a_missing_truncated_or_foreign_file_is_named(folder, network):
    with pytest.raises(FileNotFoundError, match=r"there is no file gone.safetensors"):
        load_end("gone.safetensors", network)
    save_file(network.state_dict(), "end.safetensors")
    whole = (folder / "end.safetensors").read_bytes()
    (folder / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut.safetensors is damaged"):
        load_end("cut.safetensors", network)
    save_file(fcn(2, 3, 4, 2, bias="none", seed=0).state_dict(), "other.safetensors")
    with pytest.raises(ValueError, match=r"does not fit the model: missing \['1.bias', '3.bias'\]"):
        load_end("other.safetensors", network)


class Bomb:
    def __reduce__(self):
        return exec, ("import pathlib; pathlib.Path('exploded').touch()",)


def test_a_pickle_is_refused_unless_allowed_and_then_only_tensors_are_read(folder, network):
    torch.save(network.state_dict(), "end.pt")
    with pytest.raises(ValueError, match="--allow-pickle"):
        load_end("end.pt", network)
    with pytest.warns(UserWarning, match="only files you trust"):
        found = load_end("end.pt", network, allow_pickle=True)
    assert all(torch.equal(found[name], tensor) for name, tensor in network.state_dict().items())
    (folder / "bomb.pt").write_bytes(pickle.dumps(Bomb()))
    torch.save({"1.weight": Bomb()}, "zipped_bomb.pt")
    for name in ("bomb.pt", "zipped_bomb.pt"):
        with (
            pytest.warns(UserWarning, match="only files you trust"),
            pytest.raises(ValueError, match="no plain state dict or is damaged"),
        ):
            load_end(name, network, allow_pickle=True)
    assert not (folder / "exploded").exists()


def same(found, network):
    return all(torch.equal(found[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("entry", "prefix"),
    [("state_dict", "model."), ("state_dict", ""), ("model", "module."), ("model_state_dict", "_orig_mod.")],
)
def test_a_trainings_checkpoint_is_read_by_its_entry(folder, network, entry, prefix):
    state = {prefix + name: tensor for name, tensor in network.state_dict().items()}
    lightning = {
        "epoch": 3,
        "global_step": 90,
        "pytorch-lightning_version": "2.5.0",
        "loops": {"fit_loop": {}},
    }
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    more = {"optimizer_states": [optimizer.state_dict()], "hyper_parameters": {"lr": 0.1, "name": "mine"}}
    state = {prefix + name: tensor for name, tensor in network.state_dict().items()}
    torch.save({entry: state, **lightning, **more}, "last.ckpt")
    with pytest.warns(UserWarning, match=r"^end: ") as told:
        found = load_end("last.ckpt", network, allow_pickle=True)
    assert same(found, network)
    words = [str(one.message) for one in told]
    assert any(f"the weights are the entry '{entry}' of last.ckpt" in word for word in words)
    assert any(f"end: '{prefix}' is left out of its names" in word for word in words) == bool(prefix)


def test_two_state_dicts_in_one_file_are_refused(folder, network):
    torch.save({"model": network.state_dict(), "state_dict": network.state_dict()}, "two.pt")
    torch.save([1, 2], "list.pt")
    for name, message in (
        ("two.pt", "holds 'state_dict' and 'model': save the one"),
        ("list.pt", "list.pt holds a list, not a state dict"),
    ):
        with (
            pytest.warns(UserWarning, match="only files you trust"),
            pytest.raises(ValueError, match=message),
        ):
            load_end(name, network, allow_pickle=True)


def test_data_by_name_callable_and_arrays(folder):
    assert isinstance(load_data("digits"), ImageDataset)
    inputs, labels = load_data("their_code:data")
    assert inputs.shape == (5, 4)
    np.savez("some.npz", inputs=np.ones((3, 4)), labels=np.array([0, 1, 1], dtype=np.uint8))
    inputs, labels = load_data("some.npz")
    assert inputs.dtype == torch.float64  # the line converts it to the network's type
    assert labels.dtype == torch.int64
    assert labels.tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="neither 'digits' nor an existing folder"):
        load_data("diggits")
    with pytest.raises(ValueError, match="must be a callable that returns the data, got NoneType"):
        load_data("their_code:nothing")


def test_arrays_that_are_none_are_refused(folder):
    with pytest.raises(FileNotFoundError, match=r"there is no file gone.npz"):
        load_data("gone.npz")
    np.savez("x.npz", x=np.ones(3))
    with pytest.raises(ValueError, match=r"must hold the arrays inputs and labels, it holds \['x'\]"):
        load_data("x.npz")
    np.savez("words.npz", inputs=np.ones((2, 4)), labels=np.array(["a", "b"]))
    with pytest.raises(ValueError, match=r"labels in words.npz must be integers \(n,\), or numbers"):
        load_data("words.npz")
    np.savez("floats.npz", inputs=np.ones((2, 4)), labels=np.ones(2))  # of another objective: refused there
    assert load_data("floats.npz")[1].dtype == torch.float64
    np.savez("nan.npz", inputs=np.array([[1.0], [np.nan]]), labels=np.array([0, 1]))
    with pytest.raises(ValueError, match="must be finite, but sample 1 is not"):
        load_data("nan.npz")
    (folder / "cut.npz").write_bytes((folder / "x.npz").read_bytes()[:60])
    with pytest.raises(ValueError, match=r"cut.npz is damaged"):
        load_data("cut.npz")


@pytest.mark.parametrize("dtype", ["float16", ">f4", ">f8", "uint8", "uint16", ">i2"])
def test_arrays_of_any_type_and_order_keep_their_values(folder, dtype):
    inputs = np.arange(12).reshape(3, 4).astype(dtype)
    np.savez("any.npz", inputs=inputs, labels=np.array([0, 1, 1], dtype=">u2"))
    found, labels = load_data("any.npz")
    np.testing.assert_array_equal(found.numpy(), inputs)
    assert labels.tolist() == [0, 1, 1]
    np.savez("long.npz", inputs=inputs.astype(np.longdouble), labels=np.array([0, 1, 1]))
    with pytest.raises(ValueError, match="numbers of 64 bits or less, got float128"):
        load_data("long.npz")


def test_an_object_array_is_not_unpickled(folder):
    np.savez("bomb.npz", inputs=np.array([Bomb()], dtype=object), labels=np.array([0]))
    with pytest.raises(ValueError, match="holds Python objects, which are not read"):
        load_data("bomb.npz")
    assert not (folder / "exploded").exists()
