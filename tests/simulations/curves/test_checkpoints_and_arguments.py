"""Checkpoints as users have them, and bad ones and bad arguments refused."""

import pytest
import torch
from safetensors.torch import save_file

from simulations.curves.one_path import interpolation_curves
from simulations.networks import fcn
from tests.simulations.curves.helpers.networks import Tied, line


def test_checkpoints_come_as_modules_and_safetensors_and_bad_files_are_refused(trained, digits, tmp_path):
    wanted = interpolation_curves(trained.model, trained.start, trained.end, digits, alphas=3)
    start = fcn(6, 48, 64, 10, bias="all", init_scale=0.6, seed=3)
    save_file(trained.end, tmp_path / "end.safetensors")
    found = interpolation_curves(trained.model, start, tmp_path / "end.safetensors", digits, alphas=3)
    assert found.identical(wanted)
    whole = (tmp_path / "end.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "header.safetensors").write_bytes(b"\xff" * 8 + whole[8:])  # a header of 2^64 bytes
    torch.save(trained.end, tmp_path / "end.pt")
    for name, message in (("cut", "damaged"), ("header", "damaged")):
        with pytest.raises(ValueError, match=message):
            interpolation_curves(trained.model, start, tmp_path / f"{name}.safetensors", digits)
    with pytest.raises(ValueError, match="pickles, which can run code"):
        interpolation_curves(trained.model, start, tmp_path / "end.pt", digits)
    with pytest.raises(FileNotFoundError, match="end: there is no file"):
        interpolation_curves(trained.model, start, tmp_path / "none.safetensors", digits)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "spline"}, "adaptive, grid, got 'spline'"),
        ({"loss_tolerance": 0.0}, "loss_tolerance must be a finite number > 0, got 0.0"),
        ({"loss_tolerance": None}, "loss_tolerance must be a finite number > 0, got None"),
        ({"device": "cuda:99"}, "device 'cuda:99' is not there"),
        ({"path": lambda *_: None}, "the path gave c = None for '1.weight' at alpha = 0"),
        ({"error_tolerance": float("nan")}, "error_tolerance .* got nan"),
        ({"precision": "fp8"}, "native, tf32, bf16, got 'fp8'"),
        ({"alphas_at_once": 0}, "alphas_at_once .* got 0"),
        ({"path": "spiral"}, "unknown path 'spiral'"),
    ],
)
def test_bad_arguments_are_shown(trained, digits, arguments, message):
    with pytest.raises(ValueError, match=message):
        interpolation_curves(trained.model, trained.start, trained.end, digits, **arguments)


def test_equal_ends_tied_weights_that_differ_and_overflow_are_refused(trained, digits):
    with pytest.raises(ValueError, match="no line between"):
        interpolation_curves(trained.model, trained.end, trained.end, digits)
    model, start, end = line(Tied)
    with pytest.raises(ValueError, match=r"second.weight.*first.weight.*differ"):
        interpolation_curves(model, start, end | {"second.weight": end["second.weight"] + 1}, digits)
    huge = {name: tensor * 1e20 for name, tensor in trained.end.items()}
    with pytest.raises(ValueError, match="not finite at alpha = "):
        interpolation_curves(trained.model, trained.start, huge, digits)
