"""The verb `mli certify-line` on a user's folder."""

import json
import sys

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from mli.commands.application import app
from simulations.certified_line import CertifiedLine
from simulations.certified_line.stored import sealed

MODULE = """
import torch
from torch import nn

def network():
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.ReLU(), nn.Dropout(), nn.Linear(6, 3))

def smooth():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))

def data():
    return torch.sin(torch.arange(80.0)).reshape(20, 4), torch.arange(20) % 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "certified_code.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    import certified_code

    with torch.random.fork_rng():
        torch.manual_seed(1)
        for name in ("network", "smooth"):
            save_file(getattr(certified_code, name)().state_dict(), f"{name}.safetensors")
    yield tmp_path
    sys.modules.pop("certified_code", None)


def invoke(*arguments, model="network"):
    ends = ["--end", f"{model}.safetensors", "--data", "certified_code:data"]
    return CliRunner().invoke(
        app, ["certify-line", "--model", f"certified_code:{model}", *ends, *arguments], env={"COLUMNS": "100"}
    )


def test_a_certificate_is_printed_kept_and_proved_again(folder):
    result = invoke("--verify", "--output", "kept/line.json")
    assert result.exit_code == 0, result.output
    for words in ("takes about", "plateau", "proved", "proved again", "kept/line.json"):
        assert words in result.output
    kept = CertifiedLine.from_json((folder / "kept" / "line.json").read_text())
    assert kept.n_samples == 20
    again = invoke("--output", "kept/line.json")
    assert again.exit_code == 0
    assert CertifiedLine.from_json((folder / "kept" / "line.json").read_text()).to_json() == kept.to_json()


def test_an_unfinished_file_is_gone_on_with(folder):
    invoke("--output", "line.json")
    whole = json.loads((folder / "line.json").read_text())
    (folder / "line.json").write_text(sealed(whole | {"samples": whole["samples"][:5]}))
    assert invoke("--output", "line.json").exit_code == 0
    assert json.loads((folder / "line.json").read_text())["samples"] == whole["samples"]


def test_exact_tells_the_changes(folder):
    result = invoke(
        "--exact", "--loss", "--verify", "--tolerance", "0.001", "--figure", "drawn", "--output", "line.json"
    )
    assert result.exit_code == 0, result.output
    assert "class changes" in result.output
    assert " at 0; " in result.output
    assert "both ends of every change" in result.output
    kept = CertifiedLine.from_json((folder / "line.json").read_text())
    assert f"{kept.class_changes.sum()} in all" in result.output
    assert kept.undecided.max() < 1e-13
    assert (folder / "drawn" / "certified_line.pdf").is_file()


@pytest.mark.parametrize(
    ("arguments", "model", "message"),
    [
        ((), "smooth", "1 (Tanh) cannot be certified"),
        (("--path", "homogeneous"), "network", "a certified line is straight"),
        (("--output", "line.txt"), "network", "--output must end in .json"),
        (("--tolerance", "0.5"), "network", "tolerance must lie between"),
    ],
)
def test_what_a_user_can_mend_is_one_line(folder, arguments, model, message):
    result = invoke(*arguments, model=model)
    assert result.exit_code == 2
    assert message in str(result.exception) + result.output
    assert not (folder / "results" / "certificate.json").exists()


def test_another_certificate_is_not_overwritten(folder):
    invoke("--output", "line.json")
    before = (folder / "line.json").read_text()
    result = invoke("--output", "line.json", "--start", "zero")
    assert result.exit_code == 2
    assert (folder / "line.json").read_text() == before
