"""All figures from the data that the package ships: the same bytes on a second run, in every format."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from mli.commands.application import app
from paper_figures.catalogue import FIGURES
from paper_figures.drawing.style import FORMATS
from paper_figures.figure_files import write_figure
from paper_figures.sources import shipped_data
from tests.helpers.paths import ROOT

# Each format is written by one writer of matplotlib, whatever is drawn: figures after these draw by the same
# functions, and are tried as SVG alone, whose ids are the easiest to get wrong.
IN_ALL_FORMATS = [f"F{number}" for number in range(1, 15)]


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_a_second_run_writes_the_same_bytes(name, tmp_path):
    formats = FORMATS if name in IN_ALL_FORMATS else ("svg",)
    dataset = shipped_data(name)
    assert dataset is not None, f"{name} is not shipped: `mli figures {name} --collect paper_figures/data`"
    first, second = (write_figure(tmp_path / run, name, dataset, formats) for run in ("one", "two"))
    assert [path.name for path in first] == [f"{name}.{end}" for end in (*formats, "txt", "md")]
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name
    assert (
        f"data shipped with the package, made {dataset.attrs['made']}"
        in (tmp_path / "one" / f"{name}.svg").read_text()
    )


def test_the_command_in_two_processes_writes_the_same_bytes(tmp_path):
    names = ("F6", "F13")
    command = ["figures", *names, "--shipped", "--output"]
    found = CliRunner().invoke(app, [*command, str(tmp_path / "one")])
    assert found.exit_code == 0, found.output
    subprocess.run(
        [sys.executable, "-m", "mli", *command, str(tmp_path / "two")],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "1"},  # another order of every set
        check=True,
        capture_output=True,
    )
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(f"{name}.{end}" for name in names for end in (*FORMATS, "txt", "md"))
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file
