"""Nobody is let in: what the how-to starts is looked at, socket by socket; an open cluster is refused."""

import ipaddress
import os
import re
import shlex
import subprocess
import sys
import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mli.commands.application import app
from simulations.sweeps.dask_cluster import dask_executor
from simulations.sweeps.dask_security import DaskTls, refuse_open_scheduler, worker_command
from tests.helpers.paths import ROOT

distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")  # dask's own dependency

PAGE = (ROOT / "docs" / "how_to_run_a_sweep.md").read_text()
BLOCKS = [text.splitlines() for text in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)]
PLAIN, ENCRYPTED = (
    [shlex.split(line, comments=True) for line in block]
    for block in BLOCKS
    if any(line.startswith("dask scheduler") for line in block)
)


@pytest.mark.parametrize(
    "address",
    [
        *("tcp://127.0.0.1:8786", "127.0.0.1:8786", "tcp://localhost:1", "tcp://[::1]:8786", "127.3.2.1:5"),
        *("tls://10.0.0.1:8786", "tls://cluster.example:1", "wss://10.0.0.1:2", "inproc://10.0.0.1/7/1"),
    ],
)
def test_a_scheduler_that_no_stranger_reaches_is_accepted(address):
    refuse_open_scheduler(address, insecure=False)


@settings(max_examples=50)
@given(st.ip_addresses(), st.sampled_from(["tcp://", "ws://", ""]))
@example(ipaddress.ip_address("0.0.0.0"), "tcp://")
@example(ipaddress.ip_address("::"), "tcp://")
@example(ipaddress.ip_address("10.0.0.1"), "")
@example(ipaddress.ip_address("127.255.255.255"), "")
@example(ipaddress.ip_address("128.0.0.0"), "tcp://")
@example(ipaddress.ip_address("::1"), "tcp://")
@example(ipaddress.ip_address("::ffff:127.0.0.1"), "tcp://")
@example(ipaddress.ip_address("::ffff:10.0.0.1"), "tcp://")
def test_without_tls_only_this_machines_own_addresses_are_accepted(host, protocol):
    address = f"{protocol}[{host}]:8786" if host.version == 6 else f"{protocol}{host}:8786"
    # By the numbers alone: 127/8, and 1 of version 6.
    own = int(host) >> 24 == 127 if host.version == 4 else int(host) == 1
    if host.version == 6 and host.ipv4_mapped is not None:
        own = int(host.ipv4_mapped) >> 24 == 127
    if own:
        refuse_open_scheduler(address, insecure=False)
    else:
        with pytest.raises(ValueError, match=re.escape(address)):
            refuse_open_scheduler(address, insecure=False)
    refuse_open_scheduler(address, insecure=True)


def test_a_name_that_cannot_be_looked_up_is_refused():
    with pytest.raises(ValueError, match="--insecure-dask"):
        refuse_open_scheduler("tcp://no-such-host.invalid:8786", insecure=False)


def test_the_command_line_refuses_before_any_work(tmp_path):
    words = ["sweep", "star", "--executor", "dask", "--scheduler", "tcp://10.0.0.1:8786"]
    found = CliRunner().invoke(app, [*words, "--store", str(tmp_path / "store")])
    assert found.exit_code == 2
    assert found.stderr.count("\n") == 1
    assert "tcp://10.0.0.1:8786" in found.stderr
    assert "--insecure-dask" in found.stderr
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tls-cert", "a.pem"], "go together"),
        (["--tls-cert", "a.pem", "--tls-key", "b.pem", "--tls-ca-file", "c.pem"], "there is no file c.pem"),
    ],
)
def test_tls_files_come_together_and_are_there(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(
        app, ["sweep", "star", "--executor", "dask", "--scheduler", "tls://127.0.0.1:1", *words]
    )
    assert found.exit_code == 2
    assert message in found.stderr


class Started:
    """A `dask` command as a process, and the line of its log that says that it is ready."""

    def __init__(self, words, folder):
        command = [sys.executable, "-m", *words]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
        self.process = subprocess.Popen(
            command, env=environment, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )

    def line(self, pattern):
        for line in self.process.stderr:
            if found := re.search(pattern, line):
                return found
        pytest.fail(f"it ended without a line like {pattern}")

    def listening(self):
        """The addresses on which it and its children listen."""
        family = [psutil.Process(self.process.pid)]
        family += family[0].children(recursive=True)
        return [
            ipaddress.ip_address(connection.laddr.ip)
            for one in family
            for connection in one.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        ]

    def end(self):
        self.process.terminate()
        self.process.stderr.read()
        self.process.wait(60)
        self.process.stderr.close()


@pytest.fixture
def started(tmp_path):
    running = []

    def start(words):
        running.append(Started(words, tmp_path))
        return running[-1]

    yield start
    for one in reversed(running):
        one.end()


def commands(block, scheduler, worker):
    """The page's first scheduler and first worker, at addresses of this machine, the port chosen by dask."""
    of_scheduler = next(words for words in block if words[:2] == ["dask", "scheduler"])
    of_worker = next(words for words in block if words[:2] == ["dask", "worker"])
    return (
        [word.replace("10.0.0.1:8786", f"{scheduler}:0").replace(":8786", ":0") for word in of_scheduler],
        [word.replace("10.0.0.2", worker) for word in of_worker],
    )


def start_cluster(started, block, scheduler, worker):
    words, of_worker = commands(block, scheduler, worker)
    first = started(words)
    address = first.line(r"Scheduler at:\s+(\S+)").group(1)
    second = started([address if "://" in word else word for word in of_worker])
    second.line("Registered to:")
    return address, first, second


@pytest.mark.subprocess
def test_what_the_page_starts_on_one_machine_listens_to_it_alone(started):
    address, scheduler, worker = start_cluster(started, PLAIN, "127.0.0.1", "127.0.0.1")
    found = [*scheduler.listening(), *worker.listening()]
    assert len(found) >= 3  # the scheduler's, the nanny's and the worker's own at least
    assert all(host.is_loopback for host in found), found
    with dask_executor(address, timeout=60) as executor:
        assert executor.submit(abs, -3).result() == 3


@pytest.mark.subprocess
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have one loopback address")
def test_what_the_page_starts_on_several_machines_listens_where_it_says_and_wants_a_key(started, tmp_path):
    make_key = next(words for words in ENCRYPTED if words[0] == "openssl")
    try:
        subprocess.run(make_key, cwd=tmp_path, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    assert (tmp_path / "dask.key").stat().st_mode & 0o077 == 0  # readable by its owner alone
    address, scheduler, worker = start_cluster(started, ENCRYPTED, "127.0.0.2", "127.0.0.3")
    assert address.startswith("tls://127.0.0.2:")
    assert {str(host) for host in scheduler.listening()} == {"127.0.0.2", "127.0.0.1"}  # its own, the web's
    assert {str(host) for host in worker.listening()} == {"127.0.0.3", "127.0.0.1"}
    tls = DaskTls(tmp_path / "dask.crt", tmp_path / "dask.crt", tmp_path / "dask.key")
    with dask_executor(address, timeout=60, tls=tls) as executor:
        assert executor.submit(abs, -3).result() == 3
    # Without a certificate, and with one of a stranger's making.
    stranger = [word.replace("dask.", "stranger.") for word in make_key]
    subprocess.run(stranger, cwd=tmp_path, check=True, capture_output=True)
    other = DaskTls(tmp_path / "dask.crt", tmp_path / "stranger.crt", tmp_path / "stranger.key")
    for wrong in (None, other):
        with pytest.raises(ConnectionError, match="no Dask scheduler answers"):
            dask_executor(address, timeout=3, tls=wrong).__enter__()


def test_a_cluster_that_listens_everywhere_is_refused_at_whatever_address_it_is_called():
    with distributed.LocalCluster(
        n_workers=1, processes=False, dashboard_address=None, host="0.0.0.0", protocol="tcp"
    ) as cluster:
        port = cluster.scheduler_address.rpartition(":")[2]
        with pytest.raises(ValueError, match=r"listens on tcp://0\.0\.0\.0"):
            dask_executor(f"tcp://127.0.0.1:{port}", timeout=60).__enter__()
        with dask_executor(f"tcp://127.0.0.1:{port}", timeout=60, insecure=True) as executor:
            assert executor.submit(abs, -3).result() == 3


def test_the_command_in_a_message_is_a_safe_one():
    words = shlex.split(worker_command("tcp://127.0.0.1:8786", {"GPU": 1}))
    (on_the_page,) = (line for line in PLAIN if line[:2] == ["dask", "worker"])
    assert set(on_the_page) <= set(words)
    assert "GPU=1" in words
    assert "--tls-key" in worker_command("tls://10.0.0.1:8786")


def test_a_cluster_without_a_worker_says_so_and_goes_on_with_a_new_one():
    said = []
    with (
        distributed.LocalCluster(
            n_workers=1, processes=False, dashboard_address=None, host="127.0.0.1", protocol="tcp"
        ) as cluster,
        dask_executor(cluster.scheduler_address, timeout=60, look_every=0.1) as executor,
        warnings.catch_warnings(),
    ):

        def say(message, *_, **__):
            said.append(str(message))
            if len(said) < 3:
                cluster.scale(1)

        warnings.showwarning = say
        for value in (-3, -4):  # said again, when it happens again
            cluster.scale(0)
            cluster.sync(_until_none_is_left, cluster.scheduler)
            future = executor.submit(abs, value)
            assert executor.first_done({future}) == {future}
            assert future.result() == -value
    assert len(said) == 2
    assert all("no worker is left" in words and "dask worker tcp://127.0.0.1" in words for words in said)


async def _until_none_is_left(scheduler):
    import asyncio

    while scheduler.workers:
        await asyncio.sleep(0)
