"""A running Dask cluster as an executor."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from simulations.sweeps.dask_security import (
    DaskTls,
    in_words,
    refuse_open_listeners,
    refuse_open_scheduler,
    worker_command,
)
from simulations.sweeps.executor import Executor, extra_missing

__all__ = ["dask_executor"]


@contextmanager
def dask_executor(
    scheduler: str,
    *,
    resources: Mapping[str, float] | None = None,
    timeout: float = 30.0,
    tls: DaskTls | None = None,
    insecure: bool = False,
    look_every: float = 30.0,
) -> Iterator[Executor]:
    """A running Dask cluster: a scheduler, and workers of one thread as often as wanted.

    Workers need this package and must see the store under the same path. A worker that dies has its run made
    by another; where none is left, that is said and the sweep waits for a new one. After an error or Ctrl-C
    here, runs that no worker has begun are cancelled.

    Args:
        scheduler: its address, "tcp://127.0.0.1:8786" or "tls://host:8786".
        resources: that a task takes of its worker (`dask worker --resources "GPU=1"`).
        timeout: seconds to wait for an answer, and then for a first worker.
        tls: the files of a cluster on tls://; None: those of dask's own configuration, if any.
        insecure: accept a cluster that strangers can reach (`simulations.sweeps.dask_security`).
        look_every: seconds between two looks at whether there is a worker, while no run ends.

    Raises:
        ModuleNotFoundError: the extra `cluster` is missing.
        ValueError: a cluster that strangers can reach.
        ConnectionError: no scheduler answers, or it has no worker, or none with the resources.

    Warns:
        UserWarning: no worker is left.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise extra_missing("dask") from error
    refuse_open_scheduler(scheduler, insecure=insecure)
    try:
        security = _security(tls)
        _ask(scheduler, timeout, security)
        client = distributed.Client(scheduler, timeout=timeout, set_as_default=False, security=security)
    except (OSError, ValueError, TypeError, TimeoutError) as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {scheduler} within {timeout:g} s: start one with `dask scheduler` "
            f"and give its address ({str(error) or type(error).__name__})"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=timeout)
        except TimeoutError as error:
            raise ConnectionError(
                f"the Dask scheduler at {scheduler} has no worker: start some with "
                f"`{worker_command(scheduler)}`"
            ) from error
        refuse_open_listeners(client, insecure=insecure)
        _check_resources(client, scheduler, resources or {})
        under_way: set[Any] = set()

        def submit(function: Callable[..., Any], *arguments: Any) -> Any:
            # pure: a result that the scheduler remembers would be taken for a run that is in the store.
            future = client.submit(function, *arguments, pure=False, resources=resources)
            under_way.add(future)
            return future

        def first_done(futures: Set[Any]) -> Set[Any]:
            missed = False
            while True:
                try:
                    with client.as_current():
                        done = distributed.wait(
                            list(futures), timeout=look_every, return_when="FIRST_COMPLETED"
                        ).done
                except TimeoutError:
                    missed = _say_that_none_is_left(client, scheduler, missed)
                    continue
                under_way.difference_update(done)
                return set(done)

        try:
            yield Executor(submit, first_done, lost=(distributed.CancelledError,))
        finally:
            if under_way:
                client.cancel(list(under_way))


def _security(tls: DaskTls | None) -> Any:
    """Dask's description of the files, with what its own configuration names where we were given none."""
    from distributed.security import Security

    if tls is None:
        return Security()
    return Security(
        require_encryption=True,
        tls_ca_file=str(tls.ca_file),
        tls_client_cert=str(tls.cert),
        tls_client_key=str(tls.key),
    )


def _say_that_none_is_left(client: Any, scheduler: str, said: bool) -> bool:
    """Whether the cluster has no worker now; said once until there is one again."""
    if client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.workers)):
        return False
    if not said:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)  # also the second time in one sweep
            warnings.warn(
                f"no worker is left at the Dask scheduler {scheduler}; the sweep waits for a new one: start "
                f"it with `{worker_command(scheduler)}`",
                UserWarning,
                stacklevel=2,
            )
    return True


def _ask(scheduler: str, timeout: float, security: Any) -> None:
    """Ask a Dask scheduler who it is: a client waits for ever for one that answers the call and is silent."""
    from distributed.core import rpc

    async def ask() -> None:
        async with asyncio.timeout(timeout):
            arguments = security.get_connection_args("client")
            async with rpc(scheduler, timeout=timeout, connection_args=arguments) as remote:
                await remote.identity()

    # In a thread: the caller's may run a loop of its own, as a notebook's does.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, ask()).result()


def _check_resources(client: Any, scheduler: str, resources: Mapping[str, float]) -> None:
    """A task that no worker can ever take would wait without a word."""
    # Asked there: what the client knows of workers is cut to a few in some versions.
    workers = client.run_on_scheduler(
        lambda dask_scheduler: [dict(worker.resources) for worker in dask_scheduler.workers.values()]
    )
    if not any(all(own.get(name, 0) >= amount for name, amount in resources.items()) for own in workers):
        raise ConnectionError(
            f"no worker of the Dask scheduler at {scheduler} has the resource {in_words(resources)}: start "
            f"them with `{worker_command(scheduler, resources)}`"
        )
