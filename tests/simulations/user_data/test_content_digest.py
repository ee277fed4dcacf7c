"""Hashes of values: equal for equal ones, in every process; different where a forward pass may differ."""

import copy
import dataclasses
import enum
import functools
import subprocess
import sys
import threading
import types
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from simulations.user_data.content_digest import ContentDigest, NotHashableError


def digest(value):
    found = ContentDigest()
    found.add(value, "it")
    return found.hexdigest()


SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
NESTED = st.recursive(
    SIMPLE,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(value=NESTED, other=NESTED)
def test_equal_hashes_are_equal_values(value, other):
    assert digest(copy.deepcopy(value)) == digest(value)
    # repr tells 1 from True, 0.0 from -0.0, and lists from tuples, which == does not.
    assert (digest(value) == digest(other)) == (repr(value) == repr(other))


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Config:
    width: int
    act: object = torch.relu


def scaled(by, *, shift=0.0):
    return lambda x: by * x + shift


def filled(value):
    layer = nn.Linear(2, 2)
    for parameter in layer.parameters():
        nn.init.constant_(parameter, value)
    return layer


def around(value):
    found = [value]
    found.append(found)
    return found


def with_attributes(value, **attributes):
    vars(value).update(attributes)
    return value


def patched(by):
    model = nn.Linear(2, 2, bias=False).requires_grad_(False)
    model.weight.fill_(1.0)
    model.forward = types.MethodType((lambda _, x: x + 1, lambda _, x: x + 2)[by], model)
    return model


own = None  # stands for the module in the code below


def of_a_module(mentions, **values):
    """The function, whose global `own` is a module of the user's that holds the values."""
    module = with_attributes(types.ModuleType("own"), **values)
    return types.FunctionType(mentions.__code__, {"own": module})


PAIRS = {
    "tensors' values": lambda i: torch.tensor([1.0, float(i)]),
    "tensors' shapes": lambda i: torch.zeros(2, 3).reshape((2, 3) if i else (3, 2)),
    "tensors' types": lambda i: torch.zeros(2, dtype=torch.float32 if i else torch.int32),
    "half precision": lambda i: torch.tensor([1.0 + i], dtype=torch.bfloat16),
    "arrays": lambda i: np.arange(3) + i,
    "numpy's numbers": lambda i: np.float64(i),
    "types": lambda i: (torch.float16, torch.bfloat16)[i],
    "enums": lambda i: list(Colour)[i],
    "sets": lambda i: {"a", "b", str(i)},
    "the order of a dict": lambda i: dict(sorted({"a": 1, "b": 2}.items(), reverse=bool(i))),
    "objects": lambda i: Config(i),
    "objects' functions": lambda i: Config(1, (torch.relu, torch.tanh)[i]),
    "closures": lambda i: scaled(i),
    "closures of keywords": lambda i: scaled(1, shift=i),
    "code": lambda i: (lambda x: x + 1, lambda x: x + 2)[i],
    "code inside code": lambda i: (lambda x: [y + 1 for y in x], lambda x: [y + 2 for y in x])[i],
    "partial functions": lambda i: functools.partial(torch.softmax, dim=i),
    "bound methods": lambda i: Config(i).__eq__,
    "library functions": lambda i: (nn.functional.gelu, nn.functional.silu)[i],
    "cycles": lambda i: around(i),
    "modules in a list": lambda i: [filled(i)],
    "a patched forward": lambda i: patched(i),
    "cached functions": lambda i: functools.lru_cache((lambda x: x + 1, lambda x: x + 2)[i]),
    "wrappers of library functions": lambda i: functools.wraps(torch.relu)(
        (lambda x: x + 1, lambda x: x + 2)[i]
    ),
    "functions' attributes": lambda i: with_attributes(lambda x: x, limit=i),
    "tensors' attributes": lambda i: with_attributes(torch.ones(2), limit=i),
    "masks": lambda i: np.ma.array([1, 2], mask=[0, i]),
    "names of fields": lambda i: np.zeros(2, dtype=[("ab"[i], "f4")]),
    "a module's number": lambda i: of_a_module(lambda x: own.LIMIT * x, LIMIT=i),
    "a module's function": lambda i: of_a_module(
        lambda x: own.act(x),
        act=(lambda x: x + 1, lambda x: x + 2)[i],
    ),
    "a module in a module": lambda i: of_a_module(
        lambda x: own.inner.LIMIT * x,
        inner=with_attributes(types.ModuleType("own.inner"), LIMIT=i),
    ),
    "weak references": lambda i: weakref.ref(KEPT[i]),
}
KEPT = [Config(0), Config(1)]


@pytest.mark.parametrize("make", PAIRS.values(), ids=PAIRS)
def test_made_alike_they_agree_and_otherwise_they_do_not(make):
    assert digest(make(0)) == digest(make(0))
    assert digest(make(0)) != digest(make(1))


GLOBAL = 1.0


def test_a_global_that_a_function_names_counts(monkeypatch):
    before = digest(lambda x: GLOBAL * x)
    monkeypatch.setattr(sys.modules[__name__], "GLOBAL", 2.0)
    assert digest(lambda x: GLOBAL * x) != before


def test_class_members_and_methods_count(monkeypatch):
    class Net(nn.Module):
        scale = 1.0

        def forward(self, x):
            return self.scale * x

    own = [digest(Net())]
    monkeypatch.setattr(Net, "scale", 2.0)
    own.append(digest(Net()))
    monkeypatch.setattr(Net, "forward", lambda _, x: x)
    own.append(digest(Net()))
    assert len(set(own)) == 3


def test_which_weights_are_one_counts():
    def network(tied):
        layers = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
        for layer in layers:
            nn.init.ones_(layer.weight)
        if tied:
            layers[1].weight = layers[0].weight
        return layers

    assert digest(network(True)) != digest(network(False))


def test_a_module_is_hashed_in_whatever_mode_and_without_weights_that_are_replaced():
    def hashed(model, weights):
        found = ContentDigest()
        found.add_module(model, "model", weights=weights)
        return found.hexdigest()

    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))
    other = copy.deepcopy(model)
    for tensor in other.state_dict().values():
        tensor.add_(1)
    assert hashed(model, False) == hashed(other.eval(), False)
    assert hashed(model, True) != hashed(other, True)


@pytest.mark.parametrize(
    "value",
    [threading.Lock(), (i for i in range(3)), torch.eye(2).to_sparse(), np.frompyfunc(abs, 1, 1)],
    ids=["lock", "generator", "sparse", "a function in a ufunc"],
)
def test_what_has_no_stable_hash_is_named(value):
    class Net(nn.Module):
        pass

    model = nn.Sequential(nn.ReLU(), Net())
    model[1].settings = {"inner": [value]}
    for _ in range(2):  # what failed once is not taken for known
        with pytest.raises(NotHashableError, match=r"it\.1\.settings\['inner'\]\[0\]"):
            digest(model)


SCRIPT = """
from simulations.user_data.content_digest import ContentDigest
from tests.simulations.user_data.test_content_digest import PAIRS
for name, make in PAIRS.items():
    found = ContentDigest()
    found.add(make(1), name)
    print(found.hexdigest())
"""


def test_the_hash_is_the_same_in_every_process():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [digest(make(1)) for make in PAIRS.values()]


def test_what_a_function_does_not_mention_of_a_module_does_not_count():
    def of(other):
        return digest(of_a_module(lambda x: own.LIMIT * x, LIMIT=1, other=other, lock=threading.Lock()))

    assert of(1) == of(2)


def test_modules_and_tensors_that_hold_themselves_end():
    mentions = of_a_module(lambda x: own.own.LIMIT * x, LIMIT=1)
    module = mentions.__globals__["own"]
    module.own = module
    tensor = torch.ones(2)
    tensor.parts = [tensor]
    for value in (mentions, tensor):
        assert digest(value) == digest(value)
