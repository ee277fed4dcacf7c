"""Exit code 2 and one line for what the user wrote, 1 for what went wrong, 0 else: over all verbs."""

import os
import re
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from mli.__main__ import main
from mli.commands import application, messages
from mli.commands.application import app
from simulations.runs.verified_files import DamagedRunError
from tests.helpers.paths import ROOT

RUN = CliRunner()


def commands(group=None, path=()):
    """Every command of the line as typer has it: the words to type, and the command."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield (*path, name), command
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


VERBS = dict(commands())


def mli(*arguments):
    return RUN.invoke(app, [str(argument) for argument in arguments])


def one_line(result, code):
    assert result.exit_code == code, result.output
    assert not result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith("mli: ")
    return line


def test_these_are_the_verbs():
    assert {words[0] for words in VERBS} >= {
        *(
            "validate",
            "figures",
            "report",
            "sweep",
            "train",
            "theory",
            "diagnose",
            "curve",
            "runs",
            "simulate",
        )
    }


@pytest.mark.parametrize("words", [(), *VERBS], ids=" ".join)
def test_help_has_a_short_form_everywhere(words):
    short, long = mli(*words, "-h"), mli(*words, "--help")
    assert short.exit_code == long.exit_code == 0
    assert short.output == long.output
    assert "-h" in short.output


@pytest.mark.parametrize("words", [words for words in VERBS if len(words) == 1], ids=" ".join)
def test_the_help_says_what_a_verb_reads_or_writes(words):
    command = VERBS[words]
    first = (command.help or "").partition("\n\n")[0].lower()
    assert any(word in first for word in ("reads", "writes", "into the store"))
    said = " ".join(mli("--help", "-h").output.replace("│", " ").split()).lower()
    assert first.partition(".")[0] in said


@pytest.mark.parametrize("words", [(), *VERBS], ids=" ".join)
def test_an_option_that_is_not_there_is_one_line_and_2(words):
    line = one_line(mli(*words, "--no-such-option"), 2)
    assert "--no-such-option" in line
    assert f"`{' '.join(('mli', *words))} --help`" in line


@pytest.mark.parametrize(
    "words",
    [
        ("nope",),
        ("curve",),
        ("curve", "--model", "m:f", "--end", "e.safetensors", "--data", "digits", "--output", "x.txt"),
        ("curve", "--model", "m:f", "--end", "e.safetensors", "--data", "digits", "--output", "x.csv"),
        ("curve", "--model", "m:f", "--end", "e", "--data", "d", "--output", "x.csv", "--alphas", "many"),
        ("diagnose", "--model", "nowhere", "--end", "e.safetensors", "--data", "digits", "--output", "out"),
        ("figures", "F99"),
        ("figures", "--store", "no-such"),
        ("report", "--input", "no-such"),
        ("runs", "nope"),
        ("runs", "list", "--store", "no-such"),
        ("runs", "list", "--store", ".", "--where", "x=1"),
        ("runs", "show", "zzz", "--store", "."),
        ("runs", "verify", "--store", "no-such"),
        ("runs", "gc", "--store", "no-such"),
        ("simulate", "power-model", "--experiment", "nope"),
        ("simulate", "power-model", "--seeds", "0"),
        ("sweep",),
        ("sweep", "no-such.toml"),
        ("sweep", "star", "--seeds", "0"),
        ("theory", "T99"),
        ("train", "--set", "depth=2"),
        ("train", "no-such.toml"),
        ("validate", "--profile", "fast"),
        ("validate", "--claim", "C10"),
        ("validate", "--profile", "full", "--store", "no-such"),
    ],
    ids=" ".join,
)
def test_what_the_user_wrote_is_one_line_and_2(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "full" in words:
        monkeypatch.setattr("validation.job.main_job.integrate_power_model", lambda *_: pytest.fail("worked"))
    one_line(mli(*words), 2)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("refused"), 2),
        (FileNotFoundError("no such file"), 2),
        (DamagedRunError("a file is not what was written"), 1),
        (ModuleNotFoundError("an extra is missing"), 1),
        (OSError("the disk is full"), 1),
        (KeyboardInterrupt(), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_one_place_says_which_error_is_whose(error, code, capsys):
    with pytest.raises(SystemExit) as ended, messages.expected_errors(), messages.input_errors():
        raise error
    assert ended.value.code == code
    assert capsys.readouterr().err == f"mli: {error if str(error) else 'interrupted'}\n"


def test_what_is_no_input_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), messages.expected_errors(), messages.input_errors():
        raise ZeroDivisionError


def test_ctrl_c_anywhere_is_one_line_and_1(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("validation.claims.rule_text.rules_text", interrupted)
    assert one_line(mli("validate", "--rules"), 1) == "mli: interrupted"
    with pytest.raises(SystemExit), messages.expected_errors(goes_on=True):
        raise KeyboardInterrupt


def test_the_words_of_several_lines_become_one(capsys):
    with pytest.raises(SystemExit):
        messages.stop("a\n  b", "c", code=1)
    assert capsys.readouterr().err == "mli: a b\nmli: c\n"


def test_no_verb_ends_the_process_by_itself():
    """`messages` alone knows the codes: a verb that called sys.exit with a text would end with 1."""
    folder = ROOT / "mli" / "commands"
    for file in folder.glob("*.py"):
        text = file.read_text()
        if file.name != "messages.py":
            assert "sys.exit(" not in text.replace("sys.exit(WENT_WRONG)", "")
            assert "exit(1" not in text
    assert application.app.info.cls is messages.OneLineRefusals


def test_a_reader_that_has_seen_enough_is_told_nothing(tmp_path):
    """`mli validate --rules | head -1`: no traceback, no message."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "mli", "validate", "--rules"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=ROOT,
        )
    assert done.stderr == ""


def test_ctrl_c_while_the_command_line_is_loaded_is_one_line_too(monkeypatch, capsys):
    class Loading:
        def __getattr__(self, name):
            raise KeyboardInterrupt

    monkeypatch.setattr("mli.__main__._end_like_ctrl_c", lambda: None)
    monkeypatch.setitem(sys.modules, "mli.commands.application", Loading())
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().err) == (1, "mli: interrupted\n")


INTERRUPTED = """
from mli.commands.messages import expected_errors
class HalfMade:
    def __del__(self):
        raise AttributeError("_closed")
def work():
    half_made = HalfMade()
    exec("raise KeyboardInterrupt")
with expected_errors():
    work()
"""


def test_ctrl_c_is_one_line_and_exit_code_1_wherever_it_comes():
    found = subprocess.run([sys.executable, "-c", INTERRUPTED], cwd=ROOT, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (1, "mli: interrupted\n")


@pytest.mark.parametrize(
    "command",
    [
        ["runs", "list"],
        ["runs", "show", "abc"],
        ["runs", "verify"],
        ["runs", "gc"],
        ["runs", "record", "out"],
        ["figures", "F1"],
        ["report"],
        ["validate", "--profile", "full"],
    ],
    ids=" ".join,
)
def test_a_store_that_is_not_there_is_one_line_and_2_for_whatever_reads_one(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [*command, "--store", "no-such"])
    assert result.exit_code == 2
    assert re.match(r"mli: there is no store (at )?no-such\b", result.output)
    assert result.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
