"""The verbs `mli diagnose` and `mli curve` on a user's folder."""

import json
import sys

import numpy as np
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

def flat():
    return nn.Linear(64, 10)

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
        for name in ("network", "normalised", "flat"):
            model = getattr(my_code, name)()
            if name == "flat":
                save_file(model.state_dict(), "flat.safetensors")
                continue
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
        "report.html",
        "report.md",
        "report.json",
        "curves.nc",
        "diagnosis.png",
        "diagnosis.pdf",
    }


def test_without_a_start_it_is_redrawn_and_said(folder):
    result = invoke("diagnose", "--output", "out", "--certify")
    assert result.exit_code == 0, result.output
    assert "The certificate takes about" in result.output
    assert json.loads((folder / "out" / "certificate.json").read_text())["path"] == "linear"
    assert (folder / "out" / "figures" / "certified_line.png").is_file()
    page = (folder / "out" / "report.html").read_text()
    assert "What is proved of the line" in page
    assert "The start is re-drawn" in page
    refused = invoke("diagnose", "--output", "other", "--certify", model="tupled")
    assert refused.exit_code == 2
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
    assert refused.exit_code == 2
    assert "'keep', 'interpolate' or 'recalibrate'" in refused.output
    assert "2.running_mean" in refused.output
    arguments = ("curve", "--alphas", "5", "--output")
    for name, option in (("new.csv", "--buffers"), ("old.csv", "--batch-norm")):
        kept = invoke(*arguments, name, option, "keep", model="normalised")
        assert kept.exit_code == 0, kept.output
    assert (folder / "new.csv").read_text() == (folder / "old.csv").read_text()
    both = invoke(*arguments, "x.csv", "--buffers", "keep", "--batch-norm", "interpolate", model="normalised")
    assert both.exit_code == 2
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
    assert wrong.exit_code == 2
    assert "no module with parameters is named 'head'" in wrong.output
    walked = invoke("curve", "--path", "bias", "--bias", "1.bias", "--alphas", "3", "--output", "b.csv")
    assert walked.exit_code == 0, walked.output
    assert "# biases: 1.bias" in (folder / "b.csv").read_text()


def test_logits_are_picked_out_of_a_tuple(folder):
    refused = invoke("curve", "--alphas", "3", "--output", "t.csv", model="tupled")
    assert refused.exit_code == 2
    assert "pick the logits by output=" in refused.output
    picked = invoke("curve", "--alphas", "3", "--output", "t.csv", "--logits", "1", model="tupled")
    assert picked.exit_code == 0, picked.output


def test_pickles_need_the_flag_and_warn(folder):
    import my_code

    torch.save(my_code.network().state_dict(), "start.pt")
    arguments = ("--start", "start.pt", "--alphas", "5", "--output", "line.csv")
    refused = invoke("curve", *arguments)
    assert refused.exit_code == 2
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
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert not (folder / "line.nc").exists()


def test_an_output_that_cannot_be_is_refused_before_any_work(folder, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the network was made before the output was looked at")

    monkeypatch.setattr("mli.user_network.network_from_factory", refuse)
    (folder / "there.nc").mkdir()
    (folder / "a_file").touch()
    for verb, output, message in (
        ("curve", "there.nc", "--output there.nc is a folder: name a file in it, such as there.nc/line.nc"),
        ("curve", "line.xlsx", "--output must end in .nc or .csv"),
        ("diagnose", "a_file", "--output a_file must be a folder, and a_file is a file"),
        ("diagnose", "a_file/below", "--output a_file/below must be a folder, and a_file is a file"),
    ):
        result = invoke(verb, "--output", output)
        assert result.exit_code != 0
        assert message in result.output
        assert "Traceback" not in result.output


@pytest.mark.parametrize("verb", ["curve", "diagnose"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--end", "."), "end: . is a folder, which must hold one .safetensors file"),
        (("--start", "."), "start: . is a folder, which must hold one .safetensors file"),
        (("--start", "init:" + "7" * 23), "must be init:SEED with an integer seed from 0 to 2^64 - 1"),
        (("--data", "digits"), "argument 0: float32"),
        (("--data", "narrow.npz"), "argument 0: uint8"),
        (("--data", "narrow.npz"), "in an .npz file, inputs.astype('float32') / 255"),
    ],
)
def test_what_does_not_fit_is_one_line_and_exit_code(folder, verb, arguments, message):
    np.savez("narrow.npz", inputs=np.ones((6, 4), np.uint8), labels=np.array([0, 1, 2, 0, 1, 2]))
    result = invoke(verb, "--output", "line.nc", *arguments)
    assert result.exit_code != 0
    assert message in result.output
    assert "Traceback" not in result.output
    refusal = [
        line for line in result.output.splitlines() if line.startswith("mli: ") and "warning" not in line
    ]
    assert len(refusal) == 1
    dry = invoke(verb, "--output", "line.nc", "--dry-run", *arguments)
    assert dry.exit_code == 2
    assert dry.output.count("would be refused: ") == 1
    # Of data that do not fit the shape that is told is that of the few samples.
    assert f"would be refused: {refusal[0].removeprefix('mli: ').partition(': float')[0][:40]}" in dry.output
    assert message in dry.output


def test_a_model_that_takes_flat_inputs_is_told_of_images_in_one_line(folder):
    result = invoke("curve", "--output", "line.nc", "--data", "digits", model="flat")
    assert result.exit_code != 0
    assert "1, 8, 8)) with RuntimeError: mat1 and mat2" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("verb", ["curve", "diagnose"])
def test_a_dry_run_tells_what_it_takes_and_what_it_found_and_writes_nothing(folder, verb):
    before = sorted(folder.rglob("*"))
    result = invoke(verb, "--output", "out/line.nc", "--dry-run", "--start", "zero")
    assert result.exit_code == 0, result.output
    assert [path for path in sorted(folder.rglob("*")) if "__pycache__" not in str(path)] == [
        path for path in before if "__pycache__" not in str(path)
    ]
    lines = result.output.splitlines()
    assert lines[0] == "The start is zero in every parameter."
    # 9 nodes at first; at most 65 nodes and then 101 alphas, of one line or five and two passes more.
    passes = "9 to 166" if verb == "curve" else "11 to 832 (5 lines at most)"
    assert lines[1] == f"forward passes over the data: {passes}"
    assert lines[2].startswith("seconds, by a pass of 60 samples: ")
    assert lines[2].endswith(" for 60 samples, beside reading them")
    assert lines[3].startswith("memory: up to ")
    assert lines[4].startswith("biases: 1.bias, 3.bias, 5.bias; last layer: 5, found by running")
    assert lines[5] == "buffers that differ between the ends: none"
    assert lines[6] == "nothing would be refused, as far as the first samples show"
    assert len(lines) == 7


def test_a_dry_run_tells_the_certificate_and_what_it_would_refuse(folder):
    told = invoke("diagnose", "--output", "out", "--dry-run", "--certify", "--start", "zero")
    assert told.exit_code == 0, told.output
    (line,) = [line for line in told.output.splitlines() if line.startswith("the certificate: about ")]
    assert line.endswith(" seconds for 60 samples, to 0.00024 of alpha")
    assert not (folder / "out").exists()
    refused = invoke("diagnose", "--output", "out", "--dry-run", "--certify", model="tupled")
    really = invoke("diagnose", "--output", "out", "--certify", model="tupled")
    assert refused.exit_code == really.exit_code == 2
    refusals = [line for line in refused.output.splitlines() if line.startswith("would be refused: ")]
    assert any(
        why.removeprefix("would be refused: ")[:60] in really.output + str(really.exception)
        for why in refusals
    )


@pytest.mark.parametrize("verb", ["curve", "diagnose"])
def test_a_dry_run_tells_buffers_and_every_refusal(folder, verb):
    arguments = ("--output", "there.nc", "--dry-run")
    (folder / "there.nc").mkdir() if verb == "curve" else (folder / "there.nc").touch()
    result = invoke(verb, *arguments, model="normalised")
    assert result.exit_code == 2
    assert "buffers that differ between the ends: 2.running_mean, 2.running_var" in result.output
    refusals = [line for line in result.output.splitlines() if line.startswith("would be refused: ")]
    assert len(refusals) == 2
    assert "--output" in refusals[0]
    assert "running" in refusals[1]
    kept = invoke(verb, "--output", "line.nc", "--dry-run", "--batch-norm", "keep", model="normalised")
    assert kept.exit_code == 0, kept.output
    several = invoke(
        verb, "--output", "line.nc", "--dry-run", "--start", "gone.safetensors", "--data", "gone.npz"
    )
    assert several.exit_code == 2
    for missing in ("data: there is no file gone.npz", "start: there is no file gone.safetensors"):
        assert f"would be refused: {missing}" in several.output
    few = invoke(verb, "--output", "line.nc", "--dry-run", "--alphas", "1")
    assert few.exit_code == 2
    assert "would be refused: alphas must be" in few.output
