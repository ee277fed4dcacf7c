"""`mli curve --objective`: each named objective, a function of the user's, and what is refused."""

import numpy as np
import pytest
import torch
import xarray as xr
from safetensors.torch import save_file
from torch import nn
from typer.testing import CliRunner

from mli.commands.application import app

MODEL = """
from torch import nn


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def absolute(output, batch):
    return (output - batch.labels).abs().mean(dim=1)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "objective_model.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    torch.manual_seed(1)  # the start is drawn under seed 0
    save_file(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).state_dict(), "end.safetensors")
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((20, 3)).astype(np.float32)
    np.savez("targets.npz", inputs=inputs, labels=rng.standard_normal((20, 2)))
    np.savez("truths.npz", inputs=inputs, labels=rng.random((20, 2)) > 0.5)
    np.savez("classes.npz", inputs=inputs, labels=rng.integers(0, 2, 20))
    return tmp_path


def curve(*words):
    base = ["curve", "--model", "objective_model:network", "--end", "end.safetensors", "--alphas", "5"]
    return CliRunner().invoke(app, [*base, *words, "--output", "line.nc"])


@pytest.mark.parametrize(
    "words",
    [
        ("--objective", "squared_error", "--data", "targets.npz"),
        ("--objective", "objective_model:absolute", "--data", "targets.npz"),
        ("--objective", "binary", "--data", "truths.npz", "--calibrated"),
        ("--class-weights", "1,2.5", "--label-smoothing", "0.1", "--data", "classes.npz"),
    ],
)
def test_a_line_of_it_is_written_and_a_dry_run_finds_nothing_to_refuse(folder, words):
    found = curve(*words)
    assert found.exit_code == 0, found.output
    with xr.open_dataset("line.nc") as read:
        assert read.loss.notnull().all()
        assert ("calibrated_loss" in read) == ("--calibrated" in words)
    dry = curve(*words, "--dry-run")
    assert dry.exit_code == 0, dry.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--data", "targets.npz"), "soft labels must be probabilities"),
        (("--objective", "binary", "--data", "classes.npz"), "a label for every logit"),
        (
            ("--objective", "squared_error", "--class-weights", "1,2", "--data", "targets.npz"),
            "class_weights is",
        ),
        (("--class-weights", "1;2", "--data", "classes.npz"), "numbers with commas between"),
    ],
)
def test_what_does_not_fit_is_one_line_and_exit_code_2(folder, words, message):
    found = curve(*words)
    assert found.exit_code == 2
    assert message in found.output.replace("\n", " ")


def test_a_diagnosis_of_another_objective_is_refused(folder):
    words = ["diagnose", "--model", "objective_model:network", "--end", "end.safetensors"]
    found = CliRunner().invoke(app, [*words, "--data", "truths.npz", "--objective", "binary"])
    assert found.exit_code == 2
    assert "mli curve --objective" in found.output
