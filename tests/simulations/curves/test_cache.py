"""A curve comes from the cache only where everything it depends on is the same."""

import threading
from types import MethodType, SimpleNamespace

import pytest
import torch
from torch import nn

from simulations.curves.one_path import interpolation_curves
from simulations.datasets.image_dataset import load
from simulations.user_data.data_passes import Batch
from tests.simulations.curves.helpers.networks import LOOK, Counted, copy_of, moved


def test_the_cache_is_keyed_by_content(trained, digits, tmp_path, monkeypatch):
    run = trained.model, trained.start, trained.end
    first = interpolation_curves(*run, digits, alphas=101, error_tolerance=0.05, cache=tmp_path)
    monkeypatch.setattr("simulations.curves.engine.follow_batch", None)  # a call would now fail
    again = interpolation_curves(*run, digits, alphas=101, error_tolerance=0.05, cache=tmp_path)
    assert again.equals(first)
    assert again.attrs.keys() == first.attrs.keys()
    other = trained.end | {"11.bias": trained.end["11.bias"] + 1e-3}
    for changed in ((run[0], run[1], other, digits), (*run, load("digits", limit=500))):
        with pytest.raises(TypeError, match="not callable"):
            interpolation_curves(*changed, alphas=101, error_tolerance=0.05, cache=tmp_path)
    with pytest.raises(ValueError, match="callable cannot be told"):
        interpolation_curves(*run, digits, path=lambda _, alpha: alpha, cache=tmp_path)


class Scaled(nn.Module):
    """Logits times what stands in a plain place that no checkpoint holds."""

    def __init__(self, scale, place):
        super().__init__()
        self.inner = nn.Linear(64, 10)
        self.place = place
        self.register_buffer("hidden", torch.tensor(scale if place == "buffer" else 1.0), persistent=False)
        self.number = scale if place == "number" else 1.0
        self.settings = {"scales": [torch.tensor(scale if place == "settings" else 1.0)]}
        self.function = (lambda x: x * scale) if place == "function" else nn.Identity()
        self.config = SimpleNamespace(scale=scale if place == "config" else 1.0)
        if place == "hook":
            self.inner.register_forward_hook(lambda _, __, output: output * scale)
        if place == "patched forward":
            self.inner.forward = MethodType(lambda inner, x: scale * (x @ inner.weight.T), self.inner)
        if place == "loose module":
            self.loose = [nn.Linear(1, 1, bias=False).requires_grad_(False)]
            self.loose[0].weight.fill_(scale)

    def forward(self, x):
        logits = self.function(self.inner(x.flatten(1))) * self.hidden * self.number * self.config.scale
        logits = logits * self.settings["scales"][0]
        return logits * self.loose[0].weight[0, 0] if self.place == "loose module" else logits


PLACES = ["buffer", "number", "settings", "function", "config", "hook", "loose module", "patched forward"]


@pytest.mark.parametrize("place", PLACES)
def test_another_networks_curve_is_not_returned_and_its_own_is(place, digits, tmp_path, monkeypatch):
    torch.manual_seed(0)
    states = [moved(copy_of(Scaled(1.0, place)), seed) for seed in (1, 2)]
    # What the network holds has to tell them apart, whatever its logits' bits say.
    monkeypatch.setattr("simulations.curves.cache.fingerprint", lambda *_: ([], 0))

    def curve(scale):
        return interpolation_curves(Scaled(scale, place), *states, digits, alphas=3, cache=tmp_path)

    losses = [curve(scale).loss.values for scale in (1.0, 1.5, 20.0)]
    assert len({loss.tobytes() for loss in losses}) == 3
    assert len(list(tmp_path.iterdir())) == 3
    monkeypatch.setattr("simulations.curves.engine.Engine._evaluate", None)  # an evaluation would now fail
    assert (curve(20.0).loss.values == losses[2]).all()


class FromTheEnvironment(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(64, 10)

    def forward(self, x):
        import os

        return self.inner(x.flatten(1)) * float(os.environ["A_SCALE"])


def test_a_network_that_depends_on_what_is_not_in_it_is_told_by_its_logits(digits, tmp_path, monkeypatch):
    states = [moved(copy_of(FromTheEnvironment()), seed) for seed in (1, 2)]
    losses = []
    for scale in ("1", "5"):
        monkeypatch.setenv("A_SCALE", scale)
        run = FromTheEnvironment(), *states, digits
        losses.append(interpolation_curves(*run, alphas=3, cache=tmp_path).loss[0])
        assert losses[-1] == interpolation_curves(*run, alphas=3).loss[0]
    assert losses[0] != losses[1]


def test_the_keys_passes_are_counted(digits, tmp_path):
    torch.manual_seed(0)
    model = Counted(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)))
    start, end = moved(copy_of(model), 1), moved(copy_of(model), 2)
    data = digits.inputs.double(), digits.labels
    curve = interpolation_curves(model, start, end, data, alphas=5, cache=tmp_path)
    # `seen` counts passes and is part of the network all the same, so the second call's is another key.
    assert model.seen - LOOK == round(curve.attrs["forward_passes"] * len(digits)) == 5 * len(digits) + 32


@pytest.mark.parametrize("where", ["model", "data"])
def test_what_has_no_stable_hash_is_named_and_nothing_is_kept(where, digits, tmp_path):
    class Locked(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(64, 10)
            if where == "model":
                self.inner.guard = threading.Lock()

        def forward(self, x, guard=None):  # noqa: ARG002 - an argument that changes nothing
            return self.inner(x.flatten(1))

    model = Locked()
    run = model, moved(copy_of(model), 1), moved(copy_of(model), 2)
    guard = {"guard": threading.Lock()} if where == "data" else {}
    data = [Batch((digits.inputs,), guard, digits.labels)]
    name = "model.inner.guard" if where == "model" else "argument 'guard'"
    with pytest.warns(UserWarning, match=f"not kept in the cache: .*{name} of type lock"):
        found = interpolation_curves(*run, data, alphas=3, cache=tmp_path)
    assert found.identical(interpolation_curves(*run, data, alphas=3))
    assert not list(tmp_path.iterdir())


class WithArguments(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(64, 10)

    def forward(self, pixels, times=1.0, plus=0.0):
        return self.inner(pixels.flatten(1)) * times + plus


def test_arguments_of_the_data_that_are_no_tensors_count_and_so_do_their_names(digits, tmp_path):
    model = WithArguments()
    states = [moved(copy_of(model), seed) for seed in (1, 2)]
    few = {"pixels": digits.inputs[:15], "labels": digits.labels[:15]}
    ten = torch.linspace(1, 2, 15)[:, None]
    several = [few, few | {"times": 7.0}, few | {"times": 2.0}, few | {"times": ten}, few | {"plus": ten}]
    kept = [interpolation_curves(model, *states, [batch], alphas=3, cache=tmp_path) for batch in several]
    for batch, curve in zip(several, kept, strict=True):
        assert (curve.loss == interpolation_curves(model, *states, [batch], alphas=3).loss).all()
    assert len({curve.attrs["data_hash"] for curve in kept}) == len(several)


def test_a_batch_hook_is_part_of_the_data(digits, tmp_path):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    states = [moved(copy_of(model), seed) for seed in (1, 2)]

    def hook(scale):
        return lambda item: Batch((scale * item[0],), {}, item[1])

    def curve(scale):
        return interpolation_curves(
            model, *states, digits, alphas=3, cache=tmp_path, batch_hook=hook(scale)
        ).loss

    assert (curve(1.0) != curve(2.0)).any()


def small_run(digits, **options):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    states = [moved(copy_of(model), seed) for seed in (1, 2)]
    return interpolation_curves(model, *states, digits, alphas=3, **options)


def test_a_damaged_entry_gives_no_number_and_is_made_again(digits, tmp_path):
    first = small_run(digits, cache=tmp_path)
    (entry,) = tmp_path.iterdir()
    whole = entry.read_bytes()
    loss = whole.index(first.loss.values.tobytes())
    in_the_numbers = whole[: loss + 6] + bytes([whole[loss + 6] ^ 1]) + whole[loss + 7 :]
    for damaged in (in_the_numbers, whole[: len(whole) // 2], b"", whole[:200] + bytes(200) + whole[400:]):
        entry.write_bytes(damaged)
        with pytest.warns(UserWarning, match=f"made again: .*{entry.name} is not what was written"):
            assert small_run(digits, cache=tmp_path).equals(first)
        assert entry.read_bytes() == whole
    assert small_run(digits, cache=tmp_path).equals(first)  # no warning is left


def test_a_cache_that_cannot_be_written_costs_a_warning_and_no_curve(digits, tmp_path, monkeypatch):
    plain = small_run(digits)
    (tmp_path / "file").write_text("the user's")
    with pytest.warns(UserWarning, match="the cache is not written: .*cannot be written"):
        assert small_run(digits, cache=tmp_path / "file").equals(plain)
    assert (tmp_path / "file").read_text() == "the user's"

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("simulations.curves.cache.write_netcdf", full)
    with pytest.warns(UserWarning, match="not kept in the cache: .*No space left"):
        assert small_run(digits, cache=tmp_path / "cache").equals(plain)
