"""docs/how_to_diagnose_your_own_network.md: every block is run, in the order in which a reader would."""

import json
import re
import runpy
import shlex
import sys

import pytest
import xarray as xr
from typer.testing import CliRunner

from mli.commands.application import app
from tests.helpers.paths import ROOT

PAGE = (ROOT / "docs" / "how_to_diagnose_your_own_network.md").read_text()
FILES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, flags=re.DOTALL))
COMMANDS = re.findall(r"^mli (.*)$", PAGE, flags=re.MULTILINE)


@pytest.mark.slow
def test_the_how_to_runs_from_its_first_to_its_last_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    try:
        runpy.run_path("train_it.py")
        for command in COMMANDS:
            result = CliRunner().invoke(app, shlex.split(command))
            assert result.exit_code == 0, result.output
        runpy.run_path("my_figure.py")
        runpy.run_path("my_losses.py")
        runpy.run_path("my_plane.py")
    finally:
        sys.modules.pop("my_model", None)
    given = json.loads((tmp_path / "diagnosis" / "report.json").read_text())
    assert given["verdict"][0].startswith("**")
    assert (
        (tmp_path / "diagnosis" / "report.md").read_text().startswith("The start is run/start.safetensors.")
    )
    redrawn = (tmp_path / "diagnosis-redrawn" / "report.md").read_text().splitlines()[0]
    assert redrawn.startswith("The start is re-drawn")
    assert (tmp_path / "diagnosis" / "figures" / "diagnosis.png").stat().st_size > 10_000
    assert (tmp_path / "my_plane.png").stat().st_size > 10_000
    assert (tmp_path / "my_line.png").stat().st_size > 10_000
    assert json.loads((tmp_path / "certificate.json").read_text())["path"] == "linear"
    with xr.open_dataset(tmp_path / "smoothed.nc") as smoothed:
        assert (smoothed.calibrated_loss <= smoothed.loss + 1e-9).all()
    assert "alpha,loss," in (tmp_path / "line.csv").read_text()


def test_no_block_is_left_out():
    assert list(FILES) == ["my_model.py", "train_it.py", "my_figure.py", "my_losses.py", "my_plane.py"]
    assert PAGE.count("```python") == 5
    assert len(COMMANDS) == PAGE.count("```sh") == 6


def test_the_model_has_about_ten_lines():
    assert len([line for line in FILES["my_model.py"].splitlines() if line.strip()]) <= 10
