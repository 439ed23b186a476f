"""Processes that run `reconet`: cold ones, and forks of a server that has loaded it."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.faults.server import hear_signals

ROOT = Path(__file__).parents[2]
_COLD = "import sys; sys.path.insert(0, sys.argv[1]); from tests.faults.server import cold; cold(sys.argv[2:])"


class Run:
    """A running command line, in a session of its own."""

    pid: int

    def poll(self) -> int | None:
        """Its status, negative for a signal; None while it runs."""
        raise NotImplementedError

    def wait(self, seconds: float) -> int | None:
        """Its status; None where it does not end within these seconds."""
        end = time.monotonic() + seconds
        while (status := self.poll()) is None and time.monotonic() < end:
            time.sleep(0.01)
        return status


class ColdRun(Run):
    """In a process that has loaded nothing."""

    def __init__(self, request: dict[str, Any], descriptors: list[int]) -> None:
        limit = request["limit"]

        def begin() -> None:
            hear_signals()
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        self._process = subprocess.Popen(
            [sys.executable, "-c", _COLD, str(ROOT), *request["arguments"]],
            cwd=request["folder"], env=request["environment"], start_new_session=True,
            stdin=descriptors[0], stdout=descriptors[1], stderr=descriptors[2],
            preexec_fn=begin,
        )  # fmt: skip
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.poll()


class Server:
    """A process that forks runs: a module of the tests that calls `serve`, given `words`."""

    def __init__(self, environment: dict[str, str], module: str, *words: str) -> None:
        self._socket, other = socket.socketpair()
        with other:
            command = [sys.executable, "-m", module, str(other.fileno()), *words]
            self._process = subprocess.Popen(
                command, pass_fds=[other.fileno()], cwd=ROOT, env=environment, start_new_session=True
            )
        assert self._socket.recv(99) == b"ready"

    def ask(self, request: dict[str, Any], descriptors: list[int] | None = None) -> Any:
        """Its answer to a request."""
        socket.send_fds(self._socket, [json.dumps(request).encode()], descriptors or [])
        return json.loads(self._socket.recv(99))

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._process.wait(60)


class WarmRun(Run):
    """In a fork of a server."""

    def __init__(self, server: Server, request: dict[str, Any], descriptors: list[int]) -> None:
        self._server = server
        self._status: int | None = None
        self.pid = server.ask(request, descriptors)

    def poll(self) -> int | None:
        if self._status is None:
            self._status = self._server.ask({"poll": self.pid})
        return self._status


def living(mark: str, folder: Path) -> list[int]:
    """Processes with a mark in their environment, or at work in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            ours = mark.encode() in (entry / "environ").read_bytes().split(b"\0")
            ours = ours or Path(os.readlink(entry / "cwd")).is_relative_to(folder)
            if ours and "\nState:\tZ" not in (entry / "status").read_text():
                found.append(int(entry.name))
        except OSError:
            continue
    return found
