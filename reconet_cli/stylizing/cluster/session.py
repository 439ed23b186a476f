"""The connection to a cluster that several films share, and who works for which of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from contextlib import ExitStack, suppress
from typing import Any

from reconet_cli.errors import ReconetError
from reconet_cli.stylizing.cluster.connect import connect, runs_already, workers_asked
from reconet_cli.stylizing.cluster.options import ClusterOptions

log = logging.getLogger("reconet")

_RETURN = 60.0  # seconds that a scheduler has to come back, and the first worker to come


class SchedulerGoneError(ReconetError):
    """The scheduler does not answer any more."""


class Session:
    """A Dask client, connected when it is first asked for. As a context manager it closes what it has opened.

    `busy` counts what each worker is doing for all films together.
    """

    def __init__(self, options: ClusterOptions) -> None:
        self.options = options
        self.busy: Counter[str] = Counter()
        self._opened = ExitStack()
        self._client: Any = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    @property
    def client(self) -> Any:
        """A client of a cluster with at least one worker. Raises ReconetError."""
        if self._client is None:
            with ExitStack() as stack:
                client = stack.enter_context(connect(self.options.spec))
                try:
                    client.wait_for_workers(1, timeout=_RETURN)
                except (TimeoutError, asyncio.TimeoutError) as problem:
                    about = f"{self.options.spec} has no worker"
                    raise ReconetError(about, "start some, see docs/cluster.md") from problem
                self._client, self._opened = client, stack.pop_all()
            log.info(f"{self.workers} workers, dashboard at {client.dashboard_link}")
        return self._client

    @property
    def workers(self) -> int:
        """How many there are, or will be."""
        return workers_asked(self.options.spec) or len(self.client.nthreads())

    def threads(self) -> dict[str, int]:
        """The threads of each worker. Raises `SchedulerGoneError`."""
        try:
            found: dict[str, int] = self.client.nthreads()
        except ReconetError:
            raise
        except Exception as problem:
            raise SchedulerGoneError("the scheduler does not answer any more", "see that it runs") from problem
        if self.client.status != "running":
            raise SchedulerGoneError("the scheduler has gone", "see that it runs")
        return found

    def is_idle(self) -> bool:
        """Whether a worker has nothing to do."""
        with suppress(SchedulerGoneError):
            return any(threads > self.busy[worker] for worker, threads in self.threads().items())
        return False

    def reconnect(self, gone: Any) -> bool:
        """Wait for a scheduler that left the client `gone` without an answer; False where it does not come back."""
        if gone is not self._client:  # another film has been here
            return True
        self._opened.close()
        self._client = None
        self.busy = Counter()  # films that have not noticed yet count in the old one
        until = time.monotonic() + _RETURN
        while runs_already(self.options.spec) and time.monotonic() < until:
            with suppress(ReconetError):
                return bool(self.client)
            time.sleep(1)
        return False
