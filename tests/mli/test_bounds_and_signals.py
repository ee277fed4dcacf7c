"""What a user writes beyond the limits, and what ends a command from outside: one line."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from mli import user_network
from mli.commands import messages
from mli.commands.application import app
from mli.user_network import find_object, load_data, load_start
from tests.helpers.paths import ROOT


def mli(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize("name", ["..x:y", ".x:y", "x\0:y", ":y", "x:", "x"])
def test_a_module_that_is_not_named_in_full_is_refused(name):
    with pytest.raises(ValueError, match=r"package\.module:name"):
        find_object(name)


def test_of_an_archive_only_the_arrays_that_are_used_are_read(tmp_path):
    file = tmp_path / "a.npz"
    objects = np.array([{"not": "read"}], dtype=object)  # reading it would be refused
    np.savez(file, inputs=np.zeros((4, 2)), labels=np.arange(4) % 2, other=objects)
    inputs, labels = load_data(str(file))
    assert inputs.shape == (4, 2)
    assert labels.tolist() == [0, 1, 0, 1]


def test_an_archive_that_would_fill_the_memory_is_refused_by_its_directory(tmp_path, monkeypatch):
    file = tmp_path / "a.npz"
    np.savez_compressed(file, inputs=np.zeros((2**16, 16)), labels=np.zeros(2**16, int))
    assert file.stat().st_size < 2**17
    monkeypatch.setattr(user_network, "MOST_BYTES", 2**22)
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(ValueError, match=r"inputs in .*a\.npz take .* GiB, and at most"):
        load_data(str(file))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float16", "float32", "float64", ">f4"])
@pytest.mark.parametrize("shape", [(), (4,), (4, 2)])
def test_arrays_of_any_type_and_shape_are_read_or_refused_in_a_line(tmp_path, dtype, shape):
    file = tmp_path / "a.npz"
    np.savez(file, inputs=np.ones(shape, dtype), labels=np.arange(4, dtype="uint8"))
    if len(shape) == 2:
        assert load_data(str(file))[0].shape == shape
    else:
        with pytest.raises(ValueError, match=r"inputs in .* must have a first dimension"):
            load_data(str(file))


def test_longdouble_is_refused_by_name(tmp_path):
    if np.dtype(np.longdouble).itemsize == 8:
        pytest.skip("longdouble is float64 here")
    np.savez(tmp_path / "a.npz", inputs=np.ones((2, 2), np.longdouble), labels=np.arange(2))
    with pytest.raises(ValueError, match="64 bits or less"):
        load_data(str(tmp_path / "a.npz"))


@pytest.mark.parametrize(
    ("fails", "words"),
    [
        (lambda: np.empty(2**57), "1.00 EiB were asked for at once"),
        (lambda: torch.empty(2**60), f"{2**62} bytes were asked for at once"),
        (lambda: bytearray(2**62), "the memory does not suffice"),
    ],
    ids=["numpy", "torch", "Python"],
)
def test_too_little_memory_says_how_much_was_asked_for(fails, words, capsys):
    with pytest.raises(SystemExit) as ended, messages.expected_errors():
        fails()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("mli: the memory does not suffice")
    assert words in said
    assert said.count("\n") == 1


def test_another_runtime_error_keeps_its_traceback():
    with pytest.raises(RuntimeError, match="a defect"), messages.expected_errors():
        raise RuntimeError("a defect")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sweep", "star", "--executor", "slurm", "--slurm", "logs=x"), "logs is no parameter"),
        (("sweep", "star", "--seeds", "9" * 40), "at most 100000 runs"),
        (("simulate", "power-model", "--seeds", "1000000000"), "seeds"),
        (("runs", "list", "--store", "no [red]store[/red]"), "no [red]store[/red]"),
        (("runs", "list", "--store", os.fsdecode(b"no-\xff")), "no-"),
    ],
    ids=["slurm", "seeds", "power model", "brackets", "bytes"],
)
def test_words_beyond_the_limits_are_one_line_and_2(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = mli(*words)
    assert found.exit_code == 2, found.output
    assert said in found.stderr
    assert found.stderr.count("\n") == 1


def test_a_start_whose_name_is_no_text_can_be_written_of(tmp_path):
    model = torch.nn.Linear(4, 3)
    files = [tmp_path / os.fsdecode(b"start-\xff" + suffix) for suffix in (b".pt", b".safetensors")]
    try:
        for file in files:
            torch.save(model.state_dict(), file)
    except (OSError, RuntimeError):
        pytest.skip("the file system takes names that are text alone")
    with pytest.warns(UserWarning, match="read as a pickle"):
        _, line = load_start(str(files[0]), lambda: model, model, {}, allow_pickle=True)
    assert line == f"The start is {tmp_path}/start-\\xff.pt."
    with pytest.raises(ValueError, match="is not valid UTF-8: rename the file"):
        load_start(str(files[1]), lambda: model, model, {})


@pytest.mark.subprocess
@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no HUP here")
def test_term_and_hup_end_like_ctrl_c_and_paths_of_any_bytes_are_printed(tmp_path):
    """In one process: the handlers as main sets them, a signal in a command, and bytes on both streams."""
    script = """
import os, signal, sys
from mli.__main__ import main
import mli.commands.application
import validation.claims.rule_text as text

def interrupted(*_):
    os.kill(os.getpid(), getattr(signal, sys.argv_signal))
    import time
    time.sleep(60)  # the signal comes first

text.rules_text = interrupted
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs this test may do so by nohup
for name in ("SIGTERM", "SIGHUP", "SIGINT"):
    sys.argv_signal = name
    sys.argv = ["mli", "validate", "--rules"]
    try:
        main()
    except SystemExit as ended:
        print(name, ended.code)
signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
sys.argv = ["mli", "runs", "list", "--store", os.fsdecode(b"no-\\xff")]
try:
    main()
except SystemExit as ended:
    print("bytes", ended.code, signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["SIGTERM 1", "SIGHUP 1", "SIGINT 1", "bytes 2 True"]
    *interrupted, bytes_ = done.stderr.splitlines()
    assert interrupted == ["mli: interrupted"] * 3
    assert bytes_.startswith("mli: there is no store at no-\\udcff")


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        (["diagnose", "--output"], "figures/diagnosis.pdf"),
        (["diagnose", "--certify", "--output"], "figures/certified_line.png"),
        (["certify-line", "--figure"], "certified_line.pdf"),
    ],
)
def test_a_picture_that_cannot_be_written_is_found_before_the_network_is_made(words, taken, tmp_path):
    folder = tmp_path / "out"
    (folder / taken).mkdir(parents=True)
    of_network = ["--model", "no_such:network", "--end", "none.safetensors", "--data", "digits"]
    if words[0] == "certify-line":
        of_network += ["--output", str(tmp_path / "certificate.json")]
    found = CliRunner().invoke(app, [*words, str(folder), *of_network])
    assert found.exit_code == 1
    assert f"{taken} is a folder itself" in found.stderr
    assert found.stderr.count("\n") == 1
