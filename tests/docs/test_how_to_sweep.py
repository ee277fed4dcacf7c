"""docs/how_to_run_a_sweep.md: its sweep is read and run, in small; its commands have the options shown."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mli.commands.application import app
from simulations.specs.sweep_file import read_sweep
from tests.helpers.paths import ROOT

PAGE = (ROOT / "docs" / "how_to_run_a_sweep.md").read_text()


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


def test_its_sweep_is_run_and_read_back(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("depths.toml").write_text(block("toml"))
    sweep = read_sweep("depths.toml")
    assert len(sweep.runs) == 12
    assert sweep.labels()[0] == "depth=4,bias=last"
    small = block("toml").replace("width = 64", "width = 8\nlimit = 20").replace("0.01", "2.0")
    Path("depths.toml").write_text(small.replace("[4, 8]", "[2]").replace("[0, 1, 2]", "[0]"))
    made = CliRunner().invoke(app, ["sweep", "depths.toml", "--processes", "1"])
    assert made.exit_code == 0, made.output
    exec(block("python"), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [f"depths/depth=2,bias={bias}" for bias in ("last", "none")]


@pytest.mark.parametrize(
    "line", [line for text in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in text.splitlines()]
)
def test_its_commands_have_these_options(line):
    words = line.partition("#")[0].split()
    if words[0] != "mli":
        return
    shown = CliRunner().invoke(app, [words[1], "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    for option in (word for word in words if word.startswith("--")):
        assert option in shown.output, option
