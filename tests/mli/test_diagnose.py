"""The verbs `mli diagnose` and `mli curve` on a user's folder."""

import json
import sys

import pytest
import torch
import xarray as xr
from safetensors.torch import save_file
from typer.testing import CliRunner

from mli.commands.application import app
from simulations.curves.one_path import interpolation_curves

MODULE = """
import torch
from torch import nn

def network():
    hidden = [nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(8, 3))

def normalised():
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))

class Tupled(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = network()

    def forward(self, x):
        return x, self.inner(x)

def tupled():
    return Tupled()

def data():
    labels = torch.arange(60) % 3
    return torch.eye(4)[labels] + 0.1 * torch.sin(torch.arange(240.0)).reshape(60, 4), labels
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "my_code.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    import my_code

    inputs, labels = my_code.data()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for name in ("network", "normalised"):
            model = getattr(my_code, name)()
            optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
            for _ in range(60):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(inputs), labels).backward()
                optimizer.step()
            save_file(model.state_dict(), f"{name}.safetensors")
        save_file(my_code.tupled().state_dict(), "tupled.safetensors")
    yield tmp_path
    sys.modules.pop("my_code", None)


def invoke(verb, *arguments, model="network"):
    command = [verb, "--model", f"my_code:{model}", "--end", f"{model}.safetensors", "--data", "my_code:data"]
    return CliRunner().invoke(app, [*command, *arguments])


@pytest.mark.parametrize("start", ["init:3", "zero"])
def test_a_diagnosis_is_a_report_curves_and_a_figure(folder, start):
    result = invoke("diagnose", "--start", start, "--output", "out")
    assert result.exit_code == 0, result.output
    first = (folder / "out" / "report.md").read_text().splitlines()[0]
    assert first.startswith("The start is re-drawn" if start == "init:3" else "The start is zero")
    report = json.loads((folder / "out" / "report.json").read_text())
    assert first.split(":")[0] in result.output
    assert report["cause"] in ("last-layer bias", "other biases", "initialisation", "shallow", "depth")
    assert {path.name for path in (folder / "out").rglob("*.*")} == {
        "report.md",
        "report.json",
        "curves.nc",
        "diagnosis.png",
        "diagnosis.pdf",
    }


def test_without_a_start_it_is_redrawn_and_said(folder):
    assert invoke("diagnose", "--output", "out").exit_code == 0
    assert "under torch seed 0" in (folder / "out" / "report.md").read_text().splitlines()[0]


def test_a_curve_is_the_engines(folder):
    import my_code

    result = invoke("curve", "--start", "zero", "--alphas", "21", "--output", "line.nc")
    assert result.exit_code == 0, result.output
    model = my_code.network()
    zero = {name: torch.zeros_like(tensor) for name, tensor in model.state_dict().items()}
    expected = interpolation_curves(model, zero, "network.safetensors", my_code.data(), alphas=21)
    with xr.open_dataset("line.nc", engine="h5netcdf") as found:
        xr.testing.assert_equal(found.load(), expected)
        assert found.attrs["start"] == "The start is zero in every parameter."
    assert invoke("curve", "--path", "weights", "--alphas", "5", "--output", "line.csv").exit_code == 0
    assert "# path: weights" in (folder / "line.csv").read_text()


def test_buffers_need_their_policy_and_the_old_option_still_names_it(folder):
    refused = invoke("diagnose", "--output", "out", model="normalised")
    assert refused.exit_code == 1
    assert "'keep', 'interpolate' or 'recalibrate'" in refused.output
    assert "2.running_mean" in refused.output
    arguments = ("curve", "--alphas", "5", "--output")
    for name, option in (("new.csv", "--buffers"), ("old.csv", "--batch-norm")):
        kept = invoke(*arguments, name, option, "keep", model="normalised")
        assert kept.exit_code == 0, kept.output
    assert (folder / "new.csv").read_text() == (folder / "old.csv").read_text()
    both = invoke(*arguments, "x.csv", "--buffers", "keep", "--batch-norm", "interpolate", model="normalised")
    assert both.exit_code == 1
    assert "give one of them" in both.output


def test_roles_are_told_and_can_be_corrected(folder):
    found = invoke("diagnose", "--output", "out")
    assert (
        "Found: biases: 1.bias, 3.bias, 5.bias; last layer: 5, found by running; last bias: 5.bias."
        in " ".join(found.output.split())
    )
    given = invoke("diagnose", "--output", "out", "--bias", "5.bias", "--bias", "1.*", "--last-layer", "5")
    assert given.exit_code == 0, given.output
    roles = json.loads((folder / "out" / "report.json").read_text())["roles"]
    assert roles["biases"] == ["1.weight", "1.bias", "5.bias"]
    assert (roles["last_layer"], roles["how"]) == ("5", "given")
    wrong = invoke("diagnose", "--output", "out", "--last-layer", "head")
    assert wrong.exit_code == 1
    assert "no module with parameters is named 'head'" in wrong.output
    walked = invoke("curve", "--path", "bias", "--bias", "1.bias", "--alphas", "3", "--output", "b.csv")
    assert walked.exit_code == 0, walked.output
    assert "# biases: 1.bias" in (folder / "b.csv").read_text()


def test_logits_are_picked_out_of_a_tuple(folder):
    refused = invoke("curve", "--alphas", "3", "--output", "t.csv", model="tupled")
    assert refused.exit_code == 1
    assert "pick the logits by output=" in refused.output
    picked = invoke("curve", "--alphas", "3", "--output", "t.csv", "--logits", "1", model="tupled")
    assert picked.exit_code == 0, picked.output


def test_pickles_need_the_flag_and_warn(folder):
    import my_code

    torch.save(my_code.network().state_dict(), "start.pt")
    arguments = ("--start", "start.pt", "--alphas", "5", "--output", "line.csv")
    refused = invoke("curve", *arguments)
    assert refused.exit_code == 1
    assert "--allow-pickle" in refused.output
    allowed = invoke("curve", *arguments, "--allow-pickle")
    assert allowed.exit_code == 0, allowed.output
    assert "mli: warning: start: start.pt is read as a pickle" in allowed.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--output", "line.xlsx"), "--output must end in .nc or .csv"),
        (("--output", "line.nc", "--start", "gone.safetensors"), "there is no file gone.safetensors"),
        (("--output", "line.nc", "--start", "network.safetensors"), "start and end are the same checkpoint"),
        (("--output", "line.nc", "--path", "sideways"), "unknown path 'sideways'"),
    ],
)
def test_what_a_user_can_mend_is_one_line(folder, arguments, message):
    result = invoke("curve", *arguments)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output
    assert not (folder / "line.nc").exists()
