"""docs/how_to_use_hugging_face_models.md: its blocks are run where the extra `hf` is installed."""

import re
import runpy
import shlex
import warnings

import pytest
import xarray as xr
from typer.testing import CliRunner

from mli.commands.application import app
from tests.helpers.paths import ROOT

PAGE = (ROOT / "docs" / "how_to_use_hugging_face_models.md").read_text()
FILES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, flags=re.DOTALL))
COMMANDS = re.findall(r"^mli (.*)$", PAGE, flags=re.MULTILINE)


def test_no_block_is_left_out():
    assert list(FILES) == ["tiny_model.py"]
    assert PAGE.count("```python") == 1
    assert PAGE.count("```sh") == 2
    assert len(COMMANDS) == 3


@pytest.mark.slow
def test_the_how_to_runs_from_its_first_to_its_last_line(tmp_path, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries' own imports
        pytest.importorskip("transformers")
        pytest.importorskip("peft")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny_model.py").write_text(FILES["tiny_model.py"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runpy.run_path("tiny_model.py")
    for command in COMMANDS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            result = CliRunner().invoke(app, shlex.split(command))
        assert result.exit_code == 0, result.output
    lines = {}
    for name in ("line", "redrawn", "tuned"):
        with xr.open_dataset(tmp_path / f"{name}.nc") as opened:
            lines[name] = opened.load()
    trained = float(lines["line"].loss[-1])
    assert trained < 0.7 * float(lines["line"].loss[0])
    assert float(lines["redrawn"].loss[-1]) == trained == float(lines["tuned"].loss[0])
    assert float(lines["tuned"].loss[-1]) < trained
