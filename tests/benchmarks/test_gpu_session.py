"""The GPU session rehearsed on the CPU in tiny sizes: every part runs, and leaves small files."""

import json
import subprocess

import pytest

from benchmarks import gpu_session
from validation.job.recorded_runs import read_recorded


def parts(folder):
    return {
        part["part"]: part["what came of it"]
        for part in json.loads((folder / "session.json").read_text())["parts"]
    }


def test_the_rehearsal_does_every_part_and_keeps_small_files(tmp_path, monkeypatch):
    asked = []

    def no_tests(command, **_):  # they are the suite's own, run there
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, "2 skipped in 0.1s\n", "")

    monkeypatch.setattr(gpu_session.subprocess, "run", no_tests)
    monkeypatch.setattr(gpu_session, "WANTED", ("practical_networks", "depth_and_bias"))
    gpu_session.main(["--device", "cpu", "--tiny", "--output", str(tmp_path)])
    assert parts(tmp_path) == {
        "gpu tests": "2 skipped in 0.1s",
        "matmul share": "done",
        "ensemble": "done",
        "paper form of practical_networks": "0 of 60 runs",  # none is small
        "paper form of depth_and_bias": "2 of 360 runs",
    }
    assert asked[0][1:3] == ["-m", "pytest"]
    assert "gpu" in asked[0]
    share = json.loads((tmp_path / "matmul_share.json").read_text())["float32"]
    assert set(share) == {"matrix product", *gpu_session.NETWORKS}
    for name in gpu_session.NETWORKS:
        assert share[name]["share"] == share[name]["training"] / share["matrix product"] > 0
    assert json.loads((tmp_path / "ensemble.json").read_text())["together, s"] > 0
    runs = read_recorded(tmp_path / "recorded")
    assert [run.attrs["experiment"] for run in runs] == ["depth_and_bias.paper"] * 2
    files = [path for path in tmp_path.rglob("*") if path.is_file() and ".locks" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 300_000


def test_a_part_that_fails_or_does_not_fit_stops_no_other(tmp_path, monkeypatch):
    def fail(_):
        raise RuntimeError("planted")

    monkeypatch.setattr(gpu_session, "gpu_tests", fail)
    monkeypatch.setattr(gpu_session, "ensemble", lambda session: setattr(session, "seconds", 0.0))
    monkeypatch.setattr(gpu_session, "matmul_share", lambda _: None)
    monkeypatch.setattr(gpu_session, "WANTED", ("star",))
    gpu_session.main(["--device", "cpu", "--tiny", "--output", str(tmp_path)])
    assert parts(tmp_path) == {
        "gpu tests": "RuntimeError: planted",
        "matmul share": "done",
        "ensemble": "done",
        "paper form of star": "did not fit",
    }
    assert "planted" in (tmp_path / "gpu_tests.error.txt").read_text()


def test_without_a_gpu_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_session.torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="no CUDA device; rehearse with --device cpu --tiny"):
        gpu_session.main(["--output", str(tmp_path)])
    assert not list(tmp_path.iterdir())
