"""`mli validate` as a process, stopped by a real Ctrl-C at a marker, and run again."""

import json
import os
import select
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from mli.commands.application import app
from tests.helpers.one_arm_job import one_arm_job
from tests.helpers.paths import ROOT
from validation.job import profiles

pytestmark = pytest.mark.subprocess

DRIVER = """
import os, signal, sys
from pathlib import Path
from mli.__main__ import main
from tests.helpers.one_arm_job import one_arm_job
from validation.job import profiles

profiles.smoke_job = one_arm_job
stop, fifo = os.environ["STOP"], os.environ["MARKER"]
rename = Path.replace

def stop_there(self, target):
    if Path(target).name == stop:
        os.write(os.open(fifo, os.O_WRONLY), b"here")
        signal.pause()
    return rename(self, target)

Path.replace = stop_there  # in the workers too: they import this file

if __name__ == "__main__":
    sys.argv = ["mli", "validate", "--smoke", "--output", "out"]
    main()
"""


def stopped_validate(folder, stop, sent):
    """Exit code, standard error; a signal is sent when the file `stop` is about to take its final name."""
    fifo = folder / f"marker-{stop}"
    os.mkfifo(fifo)
    marker = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    environment = os.environ | {"STOP": stop, "MARKER": str(fifo), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "driver.py"], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while not select.select([marker], [], [], 1)[0]:
                assert process.poll() is None, f"never came to rename {stop}: {process.stderr.read()}"
            assert os.read(marker, 4) == b"here"
            process.send_signal(sent)
            _, said = process.communicate(timeout=600)  # a guard against a hang, no measure of speed
        finally:
            process.kill()
            os.close(marker)
    return process.returncode, said


def made(out):
    """Every file of the store's finished runs and when it was written."""
    folders = [path.parent for path in out.glob("store/*/provenance.json")]
    return {
        path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()
    }


def test_ctrl_c_and_term_leave_no_half_file_and_the_same_command_finishes(tmp_path, monkeypatch):
    (tmp_path / "driver.py").write_text(DRIVER)
    out = tmp_path / "out"
    # While a worker's file, then the report, is complete under its temporary name only.
    for stop, sent in (("linear.nc", signal.SIGTERM), ("report.json", signal.SIGINT)):
        code, said = stopped_validate(tmp_path, stop, sent)
        assert code == 1, said
        assert "the same command goes on" in said
        assert "Traceback" not in said
        assert "leaked" not in said  # semaphores of the workers
        files = {path.name for path in out.rglob("*") if path.is_file()}
        assert files
        assert stop not in files
        assert not [name for name in files if "partial" in name]
        finished = made(out)
        assert bool(finished) == (stop == "report.json")

    # Another process goes on: this one, which need not import torch again.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(profiles, "smoke_job", one_arm_job)
    ended = CliRunner().invoke(app, ["validate", "--smoke", "--output", "out"])
    assert ended.exit_code == 0, ended.output
    assert made(out) == finished
    report = json.loads((out / "report.json").read_text())
    assert [claim["id"] for claim in report["claims"]] == [f"C{i}" for i in range(1, 10)]
    assert (out / "report.md").read_text()
