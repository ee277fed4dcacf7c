"""Who can reach a Dask cluster: whoever can, runs code with its user's rights, unless TLS asks for a key.

Dask's own defaults listen on every network interface without asking who calls. A sweep refuses such a
cluster; docs/how_to_run_a_sweep.md has the commands that start a safe one.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulations.runtime.names_in_words import first_of

__all__ = ["DaskTls", "in_words", "refuse_open_listeners", "refuse_open_scheduler", "worker_command"]

ENCRYPTED = ("tls", "wss")
"""Dask's protocols that encrypt and ask both sides for a certificate."""

_IN_PROCESS = "inproc"  # never leaves the process
_HOW = "docs/how_to_run_a_sweep.md has the commands; --insecure-dask accepts it as it is"


@dataclass(frozen=True)
class DaskTls:
    """The PEM files that both sides of every connection show, as `dask scheduler` takes them.

    Attributes:
        ca_file: certificates that are trusted; of a self-signed certificate the certificate itself.
        cert: the certificate that is shown.
        key: its private key.

    Raises:
        FileNotFoundError: one of them is not there.
    """

    ca_file: Path
    cert: Path
    key: Path

    def __post_init__(self) -> None:
        for word, path in (("ca-file", self.ca_file), ("cert", self.cert), ("key", self.key)):
            if not Path(path).is_file():
                raise FileNotFoundError(f"--tls-{word}: there is no file {path}")


def refuse_open_scheduler(address: str, *, insecure: bool) -> None:
    """Refuse an address that other machines can reach, where TLS does not ask them who they are.

    Args:
        address: "tcp://host:port", "tls://host:port", or without a protocol, which means tcp.
        insecure: accept it.

    Raises:
        ValueError: such an address, or one whose host has no address that can be looked up.
    """
    if not insecure and not _is_safe(address):
        raise ValueError(
            f"the Dask scheduler {address} can be reached from other machines and does not use TLS, so that "
            f"whoever reaches it runs code here: start it on tls://, or on 127.0.0.1. {_HOW}"
        )


def refuse_open_listeners(client: Any, *, insecure: bool) -> None:
    """Refuse a cluster of which the scheduler or a worker listens for strangers, whatever address we used.

    `dask scheduler` without --host listens everywhere, and answers at 127.0.0.1 too.

    Args:
        client: of the cluster.
        insecure: accept it.

    Raises:
        ValueError: naming up to three of the listening addresses.
    """
    if insecure:
        return
    found: list[str] = client.run_on_scheduler(
        lambda dask_scheduler: [listener.listen_address for listener in dask_scheduler.listeners]
    )
    for of_worker in client.run(
        lambda dask_worker: [listener.listen_address for listener in dask_worker.listeners]
    ).values():
        found += of_worker
    if unsafe := [address for address in found if not _is_safe(address)]:
        named = first_of(unsafe, 3)
        raise ValueError(
            f"the Dask cluster listens on {named}, which other machines can reach, without TLS, so that "
            f"whoever reaches it runs code here: start scheduler and workers with --host 127.0.0.1. {_HOW}"
        )


def worker_command(scheduler: str, resources: Mapping[str, float] | None = None) -> str:
    """The command that starts a worker which lets no stranger in."""
    words = f"dask worker {scheduler} --nthreads 1 --no-dashboard --dashboard-address 127.0.0.1:0 --host "
    words += "ADDRESS_OF_THIS_MACHINE" if scheduler.startswith(ENCRYPTED) else "127.0.0.1"
    if scheduler.startswith(ENCRYPTED):
        words += " --tls-ca-file FILE --tls-cert FILE --tls-key FILE"
    if resources:
        words += f' --resources "{in_words(resources)}"'
    return words


def in_words(resources: Mapping[str, float]) -> str:
    """Resources as dask's command line takes them."""
    return " ".join(f"{name}={amount:g}" for name, amount in resources.items())


def _is_safe(address: str) -> bool:
    protocol, _, place = address.rpartition("://")
    if protocol == _IN_PROCESS or protocol in ENCRYPTED:
        return True
    hosts = _addresses(place)
    # ::ffff:127.0.0.1 is 127.0.0.1, which Python says from 3.13 on.
    plain = [getattr(host, "ipv4_mapped", None) or host for host in hosts]
    return bool(plain) and all(host.is_loopback for host in plain)


def _addresses(place: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Every address of the host in "host:port"; none where it has none, or cannot be looked up."""
    host = place.rpartition(":")[0].strip("[]") or place
    try:
        found: Iterable[Any] = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
        return [ipaddress.ip_address(str(one).partition("%")[0]) for one in found]
    except (OSError, ValueError):
        return []
