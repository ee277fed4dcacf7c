"""Every command that README and docs name runs with its own arguments, up to the work that takes long."""

import re
import shlex

import pytest
from typer.testing import CliRunner

from mli.commands.application import app
from tests.helpers.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "benchmarks" / "README.md"]
# What stands for an argument in them.
PLACEHOLDERS = {"mli sweep NAME": "mli sweep star", "mli figures NAME": "mli figures F1"}
# A verb in a sentence, that needs more than its name; the how-tos have it with its arguments.
VERBS = {"mli train", "mli sweep", "mli runs", "mli runs show", "mli diagnose", "mli curve", "mli simulate"}
VERBS |= {"mli certify-line"}
LONG_WORK = (
    "validation.job.main_job.run_main_job",
    "validation.judgement.power.operating_characteristics",
    "validation.html_report.write.write_report_page",
    "validation.html_report.source.read_report",
    "simulations.sweeps.runner.run_sweeps",
    "simulations.power_model_experiments.runner.run_experiments",
    "paper_figures.figure_files.make_figures",
    "paper_figures.sources.collect_data",
)


def commands():
    found = []
    for page in PAGES:
        text = page.read_text()
        found += re.findall(r"`(mli [^`]+)`", text.replace("\n", " ")) + re.findall(
            r"^(mli .*)$", text, re.MULTILINE
        )
    plain = [
        PLACEHOLDERS.get(command, command.translate({ord("["): None, ord("]"): None})) for command in found
    ]
    return sorted({" ".join(shlex.split(command, comments=True)) for command in plain})


# With a network of their own: test_how_to_diagnose.py, test_how_to_sweep.py and test_how_to_hugging_face.py
# (which skips where the extra `hf` is not installed) run these.
OF_THE_HOW_TOS = ("my_model:", "depths.toml", "--set depth=8", "hf:")
COMMANDS = [command for command in commands() if not any(part in command for part in OF_THE_HOW_TOS)]


class ReachedError(Exception):
    """The command came as far as its work."""


def test_there_are_commands_of_every_verb():
    named = {command.split()[1] for command in commands()}
    assert named >= {"validate", "figures", "report", "sweep", "train", "theory", "diagnose", "curve", "runs"}


@pytest.mark.parametrize("command", COMMANDS)
def test_it_comes_as_far_as_its_work(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reached = []

    def work(*_, **__):
        reached.append(True)
        raise ReachedError

    for name in LONG_WORK:
        monkeypatch.setattr(name, work)
    monkeypatch.setattr("mli_theory.derivations.derivation.Derivation.status", lambda _: "proved")
    words = command.split()[1:]
    if command in VERBS:
        words.append("--help")
    if command.startswith("mli runs ") or "--profile full" in command:  # these read what is there
        (tmp_path / "results" / "store").mkdir(parents=True)
    found = CliRunner().invoke(app, words)
    assert isinstance(found.exception, ReachedError) if reached else found.exit_code == 0, found.output
