"""A run in the store: what is measured, whole or made again, the same bytes every time."""

import json
import os
import pickle
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from simulations.datasets.image_dataset import load
from simulations.models.evaluation import Scores
from simulations.networks import fcn
from simulations.runs import one_run
from simulations.runs.one_run import Store, make_run
from simulations.runs.provenance_file import provenance_text
from simulations.runs.spec_to_training import run_data
from simulations.runs.verified_files import DamagedRunError
from tests.simulations.runs.helpers.tiny_runs import tiny

ALL_PATHS = ("linear", "homogeneous", "weights", "bias", "no_last_bias")
SPEC = tiny(depth=3, paths=ALL_PATHS, target_loss=0.5, method="grid")


def made(folder, spec):
    store = Store(folder)
    store.prepare()
    make_run(spec, store)
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return made(tmp_path_factory.mktemp("store"), SPEC)


def logits_by_hand(state, inputs, depth=3):
    """Of an fcn with a last bias; shares no code with the package."""
    found = inputs.flatten(1).double()
    weights = [state[f"{2 * layer + 1}.weight"].double() for layer in range(depth)]
    for weight in weights[:-1]:
        found = torch.relu(found @ weight.T)
    return found @ weights[-1].T + state[f"{2 * depth - 1}.bias"].double()


def test_a_run_has_these_files_and_no_others(store):
    folder = store.path(SPEC)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    curves = {f"curves/{path}.nc" for path in (*ALL_PATHS, "endpoints")}
    named = {"spec.toml", "start.safetensors", "end.safetensors", "history.nc"} | curves
    assert files == named | {"provenance.json"}
    recorded = store.provenance(SPEC)
    assert recorded["digests"].keys() == named
    assert recorded["status"] == "reached"
    assert recorded["run"] == SPEC.name
    assert recorded["threads"] == SPEC.threads
    assert recorded["data_hash"] == load("digits", limit=20).content_hash
    assert {"python", "torch", "numpy"} <= recorded["versions"].keys()
    assert store.spec(SPEC.name) == SPEC
    assert store.names() == [SPEC.name]
    assert store.problems(SPEC) == []


def test_the_merged_run_has_the_layout_that_claims_and_figures_read(store):
    run = store.load(SPEC)
    shapes = {
        "loss": ("path", "alpha"),
        "error": ("path", "alpha"),
        "class_share": ("path", "alpha", "predicted_class"),
        "signal": ("sample", "class_index"),
        "start_signal": ("sample", "class_index"),
        "bias": ("class_index",),
        "labels": ("sample",),
        "history_loss": ("epoch",),
        "history_error": ("epoch",),
        "history_steps": ("epoch",),
        "class_accuracy": ("epoch", "class_index"),
        "retention": ("layer",),
        "degree_by_layer": ("layer",),
        "gain": ("alpha",),
        "gain_predicted": ("alpha",),
        "signal_cosine": ("held_out_alpha",),
        "endpoint_loss": ("alpha",),
        "endpoint_error": ("alpha",),
        "probe_loss": ("alpha",),
        "probe_error": ("alpha",),
        "bias_exit": ("sample",),
        "correct_from": ("sample",),
    }
    scalars = ("start_loss", "start_error", "end_loss", "end_error", "epochs", "steps", "effective_degree")
    scalars += ("endpoint_held_out_loss_error", "probe_held_out_loss_error")
    assert {name: run[name].dims for name in shapes} == shapes
    assert all(run[name].dims == () for name in scalars)
    assert list(run["path"].values) == list(ALL_PATHS)
    assert list(run["layer"].values) == ["1", "3", "5"]
    assert np.array_equal(run["alpha"], [0, 0.25, 0.5, 0.75, 1])
    assert run.attrs["bias_mode"] == "last"
    assert run.attrs["paths"] == ",".join(ALL_PATHS)
    assert run.attrs["limit"] == 20
    assert run.attrs["imposed_bias_gap"] == ""
    assert (run.attrs["run"], run.attrs["status"], run.attrs["n_samples"]) == (SPEC.name, "reached", 20)
    assert {"data_hash", "threads", "torch_version", "device"} <= run.attrs.keys()
    assert float(run["effective_degree"]) == pytest.approx(float(run["degree_by_layer"].sum()))


def test_its_numbers_are_those_of_its_checkpoints(store):
    run, data = store.load(SPEC), load("digits", limit=20)
    start, end = (load_file(store.path(SPEC, f"{name}.safetensors")) for name in ("start", "end"))
    network = fcn(3, 16, 64, 10, bias="last", init_scale=1.0, seed=0)
    assert all(torch.equal(start[name], tensor) for name, tensor in network.state_dict().items())
    names = {"homogeneous": {"5.bias": 3}, "weights": {"5.bias": 0}, "bias": {"weight": 0}}
    for path in ALL_PATHS:
        for alpha in (0.0, 0.25, 0.75, 1.0):
            state = {}
            for name in start:
                powers = names.get(path, {})
                power = powers.get(name, powers.get(name.partition(".")[2], 1))
                state[name] = start[name] + alpha**power * (end[name] - start[name])
            if path == "no_last_bias":
                state["5.bias"] = torch.zeros(10)
            scores = Scores(logits_by_hand(state, data.inputs), data.labels)
            here = run.sel(path=path, alpha=alpha)
            assert float(here["loss"]) == pytest.approx(scores.loss, rel=1e-5), (path, alpha)
            assert float(here["error"]) == scores.error, (path, alpha)
    assert np.array_equal(run["bias"], end["5.bias"].double())
    outputs = logits_by_hand(end, data.inputs)
    assert np.allclose(run["signal"] + run["bias"], outputs, atol=1e-5)
    assert np.allclose(run["start_signal"], logits_by_hand(start, data.inputs), atol=1e-5)  # its bias is 0
    assert np.array_equal(run["labels"], data.labels)
    assert float(run["end_loss"]) == pytest.approx(Scores(outputs, data.labels).loss, rel=1e-5)
    assert float(run["end_loss"]) <= SPEC.target_loss < float(run["history_loss"][-2])
    assert float(run["gain"][-1]) == pytest.approx(1)


def test_the_same_spec_gives_the_same_bytes(store, tmp_path):
    again = made(tmp_path / "again", SPEC)
    assert again.digests(SPEC) == store.digests(SPEC)


def test_a_run_that_is_there_is_not_made_again(store):
    before = store.path(SPEC, "provenance.json").stat().st_mtime_ns
    found = make_run(SPEC, store)
    assert (found.kept, found.status, found.seconds) == (True, "reached", 0.0)
    assert store.path(SPEC, "provenance.json").stat().st_mtime_ns == before


CONVOLUTIONAL = replace(
    tiny(network="resnet18", depth=None, width=None, target_loss=None, max_epochs=3, alphas=3),
    width_multiplier=0.02,
    batch_norm=True,
)


@pytest.mark.parametrize(
    "spec", [tiny(target_loss=None, max_epochs=4), CONVOLUTIONAL], ids=["fcn", "resnet18"]
)
def test_a_run_stopped_in_mid_training_goes_on_to_the_same_bytes(tmp_path, spec):
    store = Store(tmp_path / "stopped")
    store.prepare()
    epochs = []

    def stop_at_the_second(now):
        epochs.append(now.epoch)
        if epochs == [1, 2]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_run(spec, store, progress=stop_at_the_second)
    assert not store.is_finished(spec)
    make_run(spec, store, progress=stop_at_the_second)
    # From the checkpoint that the first epoch left: fewer steps than a whole run.
    assert epochs in ([1, 2, *range(2, spec.max_epochs + 1)], [1, 2, *range(3, spec.max_epochs + 1)])
    assert store.digests(spec) == made(tmp_path / "alone", spec).digests(spec)


def damage(path, how):
    content = path.read_bytes()
    if how == "removed":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def test_a_checkpoint_that_a_killed_process_left_beside_a_finished_run_is_removed(tmp_path):
    store, spec = Store(tmp_path), tiny(alphas=3, target_loss=1.5)
    store.prepare()
    make_run(spec, store)
    left = store.path(spec, "training.checkpoint")
    left.write_bytes(b"killed between provenance.json and the end")
    assert make_run(spec, store).kept
    assert not left.exists()


def test_any_damaged_file_is_found_by_its_digest_reported_and_made_again(tmp_path):
    spec = tiny()
    store = made(tmp_path, spec)
    digests = store.digests(spec)
    changes = [(file, how) for file in digests for how in ("truncated", "removed", "tampered")]
    for file, how in changes:
        content = store.path(spec, file).read_bytes()
        damage(store.path(spec, file), how)
        (problem,) = store.problems(spec)
        assert str(store.path(spec, file)) in problem
        if file.endswith((".nc", ".toml")):
            with pytest.raises(DamagedRunError, match=file.rpartition("/")[2]):
                store.load(spec)
        store.path(spec, file).write_bytes(content)
    assert store.problems(spec) == []

    damage(store.path(spec, "end.safetensors"), "tampered")
    repaired = make_run(spec, store)
    assert not repaired.kept
    assert "end.safetensors is not what was written" in repaired.repaired[0]
    assert store.problems(spec) == []
    assert store.digests(spec) == digests

    damage(store.path(spec, "provenance.json"), "truncated")
    with pytest.raises(DamagedRunError, match=r"provenance\.json is damaged"):
        store.load(spec)
    assert "provenance.json is damaged" in make_run(spec, store).repaired[0]
    assert store.digests(spec) == digests


@pytest.mark.parametrize("file", ["curves/linear.nc", "end.safetensors", "spec.toml"])
def test_a_file_that_left_with_its_digest_is_missed(tmp_path, file):
    store = made(tmp_path, tiny())
    before = store.digests(tiny())
    recorded = json.loads(store.path(tiny(), "provenance.json").read_text())
    del recorded["digests"][file]
    store.path(tiny(), "provenance.json").write_text(provenance_text(recorded))
    if file != "spec.toml":  # that one is read to know which files there must be
        store.path(tiny(), file).unlink()
    assert [problem for problem in store.problems(tiny()) if file in problem and "not recorded" in problem]
    with pytest.raises(DamagedRunError, match=f"{file} is not recorded"):
        store.load(tiny())
    made(tmp_path, tiny())
    assert store.digests(tiny()) == before


def test_lines_are_walked_in_true_float32_whatever_the_steps_were_in(tmp_path, monkeypatch):
    """On CUDA torch's own default is TF32 in convolutions; here by what is asked for."""
    inside, seen = [], []

    @contextmanager
    def asked(precision, device):
        inside.append((precision, device.type))
        yield
        inside.pop()

    def noted(function):
        def call(*arguments):
            seen.append((function.__name__, list(inside)))
            return function(*arguments)

        return call

    monkeypatch.setattr(one_run, "matmul_precision", asked)
    for function in (one_run.measure_endpoints, one_run.measure_paths):
        monkeypatch.setattr(one_run, function.__name__, noted(function))
    made(tmp_path, tiny(precision="bf16"))
    assert seen == [(name, [("float32", "cpu")]) for name in ("measure_endpoints", "measure_paths")]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_whole_run_on_a_cuda_device_is_close_to_one_here(tmp_path):
    there, here = Store(tmp_path / "there"), made(tmp_path / "here", SPEC)
    there.prepare()
    make_run(SPEC, there, device="cuda")
    assert "cuda" in there.provenance(SPEC)["device"]
    both = there.load(SPEC), here.load(SPEC)
    for name in ("loss", "signal", "retention"):
        np.testing.assert_allclose(both[0][name], both[1][name], rtol=1e-2, atol=1e-2)
    assert both[0].loss.sel(path="linear")[-1] == pytest.approx(float(both[0].end_loss), abs=1e-5)


def test_a_file_with_another_runs_spec_is_found(tmp_path):
    spec, other = tiny(), tiny(seed=1)
    store = made(tmp_path, spec)
    make_run(other, store)
    store.remove(other)
    store.path(spec).rename(store.path(other))
    assert store.problems(other) == [f"{store.path(other, 'spec.toml')} is the spec of another run"]


def test_a_run_without_its_last_file_is_not_there(tmp_path):
    spec = tiny()
    store = made(tmp_path, spec)
    digests = store.digests(spec)
    store.path(spec, "provenance.json").unlink()
    store.path(spec, "curves/bias.nc").write_text("of an earlier attempt")
    assert not store.is_finished(spec)
    with pytest.raises(KeyError, match="not finished"):
        store.load(spec)
    assert not make_run(spec, store).kept
    assert store.digests(spec) == digests


@pytest.mark.parametrize(
    ("spec", "status"),
    [(tiny(target_loss=1e-6, max_epochs=2), "stagnated"), (tiny(learning_rate=1e30), "diverged")],
)
def test_a_run_that_missed_its_target_is_a_result_without_curves(tmp_path, spec, status):
    store = made(tmp_path, spec)
    run = store.load(spec)
    assert store.provenance(spec)["status"] == run.attrs["status"] == status
    assert run["loss"].dims == ("path", "alpha")
    assert run["class_share"].dims == ("path", "alpha", "predicted_class")
    assert all(np.isnan(run[name]).all() for name in ("loss", "error", "class_share"))
    assert run["path"].values.tolist() == ["linear"]
    assert np.isfinite(run["signal"]).all()
    assert np.isfinite(run["end_loss"])
    assert "gain" not in run
    assert "bias_exit" not in run
    assert json.loads(run.attrs["skipped"]) == {"predictions": "the run did not reach its target"}
    assert store.problems(spec) == []


@pytest.mark.parametrize("gap", [0.0, 2.0])
def test_an_imposed_bias_is_alpha_times_the_gap_on_the_line(tmp_path, gap):
    spec = tiny(depth=3, imposed_bias_gap=gap, method="grid", paths=("linear", "no_last_bias"))
    store = made(tmp_path, spec)
    start, end = (load_file(store.path(spec, f"{name}.safetensors")) for name in ("start", "end"))
    imposed = torch.zeros(10)
    imposed[0] = gap
    assert torch.equal(end["5.bias"], imposed)
    assert torch.equal(start["5.bias"], torch.zeros(10))
    run, data = store.load(spec), load("digits", limit=20)
    halfway = {name: start[name] + 0.5 * (end[name] - start[name]) for name in start}
    here = run.sel(path="linear", alpha=0.5)
    assert float(here["loss"]) == pytest.approx(
        Scores(logits_by_hand(halfway, data.inputs), data.labels).loss, rel=1e-5
    )
    # Training starts with the bias, the line without it.
    trained_from = Scores(logits_by_hand(start | {"5.bias": imposed}, data.inputs), data.labels)
    assert float(run["start_loss"]) == pytest.approx(trained_from.loss, rel=1e-5)
    if gap:
        assert "bias_exit" in run
    else:
        assert json.loads(run.attrs["skipped"]) == {"exits": "the largest last-layer bias is tied"}
        assert np.allclose(run["loss"][0], run["loss"][1], atol=1e-12)


def test_what_is_not_defined_is_absent_and_the_reason_is_kept(tmp_path):
    spec = tiny(bias="none")
    run = made(tmp_path, spec).load(spec)
    assert not run["bias"].any()
    assert "bias_exit" not in run
    assert "gain" in run
    assert json.loads(run.attrs["skipped"]) == {"exits": "the last layer has no bias"}


def test_batch_norm_lines_are_recalibrated_and_have_no_laws(tmp_path):
    spec = replace(CONVOLUTIONAL, max_epochs=1)
    store = made(tmp_path, spec)
    run = store.load(spec)
    assert run.attrs["bn_policy"] == "recalibrate"
    assert np.isfinite(run["loss"]).all()
    assert json.loads(run.attrs["skipped"]) == {
        "predictions": "the laws are for fixed running statistics, not bn_policy 'recalibrate'"
    }
    kept = replace(spec, bn_policy="keep")
    make_run(kept, store)
    assert "gain" in store.load(kept)
    assert not np.array_equal(store.load(kept)["loss"], run["loss"])


def test_labels_and_sizes_are_those_of_the_spec(tmp_path):
    spec = tiny(label_noise=1.0, limit=200, seed=3, target_loss=2.25)
    run = made(tmp_path, spec).load(spec)
    expected = load("digits", limit=200, label_noise=1.0, seed=3)
    assert np.array_equal(run["labels"], expected.labels)
    assert run.attrs["data_hash"] == expected.content_hash
    assert run_data(spec)[0] is run_data(spec)[0]  # kept for the next run in this process
    assert run_data(tiny(seed=1))[0] is run_data(tiny(seed=2))[0]


def test_no_pickle_is_read(store, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a pickle was read")

    monkeypatch.setattr(torch, "load", refuse)
    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "Unpickler", refuse)
    store.load(SPEC)
    make_run(SPEC, store)
    assert store.problems(SPEC) == []


def test_a_run_that_another_makes_is_locked(tmp_path):
    store = Store(tmp_path)
    store.prepare()
    with store.locked(tiny()) as mine:
        assert mine
        with store.locked(tiny(), wait=False) as twice:
            assert not twice
        with store.locked(tiny(seed=1), wait=False) as another:
            assert another
    with store.locked(tiny(), wait=False) as again:
        assert again


def test_threads_are_as_before_after_a_run(tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        made(tmp_path, tiny())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert Store(tmp_path).provenance(tiny())["threads"] == 1


def test_a_store_that_cannot_be_written_is_found_before_any_work(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file cannot be written"):
        Store(tmp_path / "file").prepare()


def interrupted(folder, spec):
    """A store in which a training was stopped after its first epoch, and the checkpoint that it left."""
    store = Store(folder)
    store.prepare()

    def stop(progress):
        if progress.epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_run(spec, store, progress=stop)
    return store, store.path(spec, "training.checkpoint")


@pytest.mark.parametrize(
    "damage_it",
    [
        *(
            lambda content, at=at: content[:at] + b"\xff" + content[at + 1 :]
            for at in (0, 7, 8, 9, 20, 39, 60)
        ),
        lambda _: b"",
        lambda _: b"something else altogether",
        lambda content: bytes(len(content)),
        lambda content: content[: len(content) // 2],
        lambda content: (2**62).to_bytes(8, "little") + content[8:],
        lambda content: content[:8] + b"[" * 100000 + content[8:],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    ],
)
def test_a_damaged_checkpoint_of_training_stops_no_run(tmp_path, damage_it):
    spec = tiny(target_loss=1.5)
    store, checkpoint = interrupted(tmp_path / "store", spec)
    checkpoint.write_bytes(damage_it(checkpoint.read_bytes()))
    with pytest.warns(RuntimeWarning, match="set aside as|is not used"):
        assert not make_run(spec, store).kept
    assert store.digests(spec) == made(tmp_path / "alone", spec).digests(spec)
    assert not checkpoint.exists()


@pytest.mark.parametrize("kind", ["pipe", "link to a folder", "of another call"])
def test_what_lies_in_the_place_of_a_checkpoint_is_set_aside(tmp_path, kind):
    spec = tiny(target_loss=1.5)
    store, checkpoint = interrupted(tmp_path / "store", spec)
    if kind == "of another call":
        _, other = interrupted(tmp_path / "other", replace(spec, learning_rate=0.04))
        other.replace(checkpoint)
    elif kind == "pipe":
        checkpoint.unlink()
        os.mkfifo(checkpoint)
    else:
        (store.path(spec) / "linked").symlink_to(tmp_path)
    if kind == "link to a folder":
        make_run(spec, store)
        assert tmp_path.is_dir()
        return
    with pytest.warns(RuntimeWarning, match="set aside as"):
        make_run(spec, store)
    assert [path.name for path in (store.folder / ".set-aside").iterdir()] == [
        f"{spec.name}.training.checkpoint"
    ]
    assert store.digests(spec) == made(tmp_path / "alone", spec).digests(spec)
    assert store.names() == [spec.name]
