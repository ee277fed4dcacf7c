"""docs/how_to_run_a_sweep.md: its sweep is read, each command run with its own arguments, in small."""

import inspect
import re
import shlex

import pytest
import torch
from typer.testing import CliRunner

from mli.commands.application import app
from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import read_sweep
from simulations.sweeps import executors
from tests.helpers.paths import ROOT

PAGE = (ROOT / "docs" / "how_to_run_a_sweep.md").read_text()
LINES = [line for text in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in text.splitlines()]
COMMANDS = [shlex.split(line, comments=True)[1:] for line in LINES if line.startswith("mli ")]


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


def run(words):
    return CliRunner().invoke(app, words)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the page's sweep was made by its own command, in small."""
    folder = tmp_path_factory.mktemp("sweep")
    small = block("toml").replace("width = 64", "width = 8\nlimit = 20").replace("0.01", "2.0")
    (folder / "depths.toml").write_text(small.replace("[4, 8]", "[2]").replace("[0, 1, 2]", "[0]"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made = run(["sweep", "depths.toml"])
    assert made.exit_code == 0, made.output
    assert "depths: 2 runs, 2 reached; 2 made now" in made.output
    return folder


def test_its_sweep_is_the_one_that_it_describes(tmp_path):
    (tmp_path / "depths.toml").write_text(block("toml"))
    sweep = read_sweep(str(tmp_path / "depths.toml"))
    assert len(sweep.runs) == 12
    assert sweep.labels()[0] == "depth=4,bias=last"


def test_its_script_reads_the_runs_back(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    exec(block("python"), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [f"depths/depth=2,bias={bias}" for bias in ("last", "none")]


class ReachedError(Exception):
    """The command came as far as the cluster."""


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_its_commands_do_what_the_page_says(folder, words, monkeypatch):
    monkeypatch.chdir(folder)
    for name in ("dask.crt", "dask.key"):  # the openssl line makes them; nothing is read from them here
        (folder / name).touch()
    asked = {}
    if "--executor" in words:
        known = inspect.signature(executors.open_executor)

        def cluster(*arguments, **named):
            asked.update(known.bind(*arguments, **named).arguments)
            raise ReachedError

        monkeypatch.setattr(executors, "open_executor", cluster)
    # A run of the page's size takes half a minute; the last of two values of one field counts.
    tiny = ["--set", "limit=20", "--set", "max_epochs=2"] if words[0] == "train" else []
    found = run([*words, *tiny])
    if asked:
        assert isinstance(found.exception, ReachedError)
        assert words[words.index("--executor") + 1] == asked["name"]
        assert ("--device" in words) == (asked["device"] == "cuda")
        if asked["name"] == "slurm":
            assert asked["slurm"] == {"timeout_min": 60, "slurm_partition": "short"}
        else:
            assert asked["scheduler"] in words
            encrypted = asked["scheduler"].startswith("tls://")
            assert encrypted == ("--tls-key" in words) == (asked["tls"] is not None)
            assert not asked["insecure_dask"]
    elif "cuda" in words and not torch.cuda.is_available():
        assert found.exit_code == 2  # refused before any run
        assert "cuda" in found.output
        assert found.output.count("\n") == 1
    else:
        assert found.exit_code == 0, found.output


def test_a_run_of_the_page_needs_nothing_more():
    """The page's own fields, without those that make the test quick: the spec is complete."""
    (words,) = (words for words in COMMANDS if words[0] == "train")
    values = dict(pair.split("=") for pair in words[2::2])
    spec = RunSpec.from_dict({key: RunSpec.parsed(key, text) for key, text in values.items()})
    assert (spec.depth, spec.width, spec.seed) == (8, 64, 0)


def test_no_command_is_left_out():
    assert len(COMMANDS) == PAGE.count("\nmli ")
    assert {words[0] for words in COMMANDS} == {"sweep", "runs", "train"}
