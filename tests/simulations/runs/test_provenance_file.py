"""provenance.json is covered, bit for bit; an old store stays readable; a later one is refused."""

import json
import os
import shutil

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mli.commands.application import app
from simulations.runs.one_run import Store, make_run
from simulations.runs.provenance_file import FORMAT_FILE, StoreFormatError, provenance_text, read_provenance
from simulations.runs.verified_files import DamagedRunError
from tests.simulations.runs.helpers.tiny_runs import tiny

SPEC = tiny(alphas=3)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    make_run(SPEC, store)
    return store


@pytest.fixture
def store(made, tmp_path):
    """A copy to be damaged."""
    return Store(shutil.copytree(made.folder, tmp_path / "store"))


@pytest.fixture
def old(store):
    """As it was written before there were formats."""
    file = store.path(SPEC, "provenance.json")
    recorded = json.loads(file.read_text())
    del recorded["format"], recorded["digest"]
    file.write_text(json.dumps(recorded, indent=1, sort_keys=True))
    (store.folder / FORMAT_FILE).unlink()
    return store


def mli(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@given(st.data())
def test_every_flipped_bit_of_provenance_is_found(made, data):
    path = made.path(SPEC, "provenance.json")
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((DamagedRunError, StoreFormatError)):
        read_provenance(path, bytes(content), 2)


def test_no_flip_of_the_words_that_decide_passes_in_a_store_of_either_format(made):
    """Every bit of the keys and the status, also where an old run may be without a digest."""
    path = made.path(SPEC, "provenance.json")
    content = path.read_bytes()
    for word in (b'"format": 2', b'"digest"', b'"status": "reached"'):
        start = content.index(word)
        for at in range(start, start + len(word)):
            for bit in range(8):
                damaged = content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]
                for least in (1, 2):
                    with pytest.raises((DamagedRunError, StoreFormatError)):
                        read_provenance(path, damaged, least)


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.floats() | st.text(), st.lists), max_size=3))
@example({"package": "\ud800"})
def test_what_was_recorded_comes_back(made, more):
    recorded = {"digests": {}, **more, "status": "diverged"}
    if "digests" in more and not isinstance(more["digests"], dict):
        return
    found = read_provenance(made.path(SPEC, "provenance.json"), provenance_text(recorded).encode(), 2)
    expected = {key: value for key, value in recorded.items() if key != "digest"} | {"format": 2}
    assert json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


def test_a_changed_status_is_named_by_all_that_read_runs(store):
    file = store.path(SPEC, "provenance.json")
    file.write_text(file.read_text().replace('"reached"', '"stagnated"'))
    (problem,) = store.problems(SPEC)
    assert str(file) in problem
    with pytest.raises(DamagedRunError, match=r"provenance\.json is damaged"):
        store.load(SPEC)
    found = mli("runs", "verify", "--store", store.folder)
    assert found.exit_code == 1
    assert str(file) in found.stdout


def test_a_new_store_is_of_todays_format_and_a_run_without_a_digest_is_not_taken_into_it(store):
    assert store.format() == 2
    file = store.path(SPEC, "provenance.json")
    recorded = json.loads(file.read_text())
    del recorded["format"], recorded["digest"]
    file.write_text(json.dumps(recorded))
    with pytest.raises(DamagedRunError, match="its format is 1 in a store of format 2"):
        store.load(SPEC)


def test_an_old_store_is_read_with_a_word_and_upgraded(old):
    assert old.problems(SPEC) == []
    assert old.load(SPEC).attrs["status"] == "reached"
    with pytest.warns(UserWarning, match=r"is of format 1, .*`mli runs upgrade --store"):
        old.prepare()
    before = old.digests(SPEC)
    said = mli("runs", "verify", "--store", old.folder)
    assert said.exit_code == 0
    assert "format 1" in said.stdout
    assert "mli runs upgrade" in said.stdout
    done = mli("runs", "upgrade", "--store", old.folder)
    assert done.exit_code == 0
    assert "1 runs were given a digest, 0 problems; the format is 2" in done.stdout
    assert old.format() == 2
    assert old.digests(SPEC) == before
    assert old.problems(SPEC) == []
    assert "format" not in mli("runs", "verify", "--store", old.folder).stdout
    assert make_run(SPEC, old).kept
    old.prepare()  # without a warning


@pytest.mark.parametrize(
    ("key", "value"),
    [("status", "stagnated"), ("status", "finished"), ("data_hash", "0" * 32), ("statuz", 1)],
)
def test_in_an_old_store_what_can_be_told_is_told(old, key, value):
    file = old.path(SPEC, "provenance.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    (problem,) = old.problems(SPEC)
    assert str(file) in problem
    with pytest.raises(DamagedRunError, match="provenance"):
        old.load(SPEC)
    refused = mli("runs", "upgrade", "--store", old.folder)
    assert refused.exit_code == 1
    assert "0 runs were given a digest, 1 problems; the format is 1" in refused.stdout


def test_a_later_format_and_a_damaged_one_are_one_line_and_1(store):
    for text, word in (("3\n", "has the format 3"), ("two", "store-format is damaged"), ("", "is damaged")):
        (store.folder / FORMAT_FILE).write_text(text)
        for words in (("verify",), ("upgrade",), ("show", SPEC.name)):
            found = mli("runs", *words, "--store", store.folder)
            assert found.exit_code == 1, found.output
            assert word in found.stderr
            assert found.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "file", ["/dev/zero", "../outside", "curves", ".", "link", "pipe", "a\0b", "n" * 5000]
)
def test_only_regular_files_of_the_runs_own_folder_are_read(store, tmp_path, file):
    outside = store.folder / "outside"
    outside.write_text("secret")
    store.path(SPEC, "link").symlink_to(outside)
    os.mkfifo(store.path(SPEC, "pipe"))
    path = store.path(SPEC, "provenance.json")
    recorded = json.loads(path.read_text())
    recorded["digests"][file] = "0" * 32
    path.write_text(provenance_text(recorded))
    (problem,) = store.problems(SPEC)  # and does not hang
    assert any(
        word in problem for word in ("outside the run's folder", "no regular file", "no file of the name")
    )
    for name in ("curves/linear.nc", "end.safetensors", "spec.toml", "provenance.json"):
        whole = store.path(SPEC, name).read_bytes()
        store.path(SPEC, name).unlink()
        os.mkfifo(store.path(SPEC, name))
        assert store.problems(SPEC)
        store.path(SPEC, name).unlink()
        store.path(SPEC, name).write_bytes(whole)
