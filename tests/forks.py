"""`python -c CODE` and `python -m reconet_cli` in processes that are forks of one that has loaded most of it.

They are killed, piped to and waited for like any other process, and start without the seconds that loading takes. That
programs start cold, too, is for other tests to find out.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from math import inf
from pathlib import Path
from subprocess import DEVNULL, PIPE
from threading import Thread
from typing import IO, Any

from tests.faults.runs import Server, WarmRun
from tests.faults.server import leave, serve, status_of

PAINTING = ("cv2", "reconet_cli.commands.stylize", "reconet_cli.video.conversion", "reconet_cli.stylizing.whole")
TRAINING = ("torch._dynamo", "reconet_cli.commands.train", "reconet_cli.training.train", "reconet_cli.commands.flow")


@cache
def _server(modules: tuple[str, ...]) -> Server:
    server = Server(dict(os.environ), "tests.forks", *modules)
    atexit.register(server.close)
    return server


class Popen:
    """What `subprocess.Popen` starts, as a fork of a process with `modules` loaded."""

    def __init__(
        self,
        command: Sequence[Any],
        *,
        stdin: Any = DEVNULL,
        stdout: Any = None,
        stderr: Any = None,
        bufsize: int = -1,
        text: bool = False,
        cwd: str | Path | None = None,
        env: dict[str, str] | None = None,
        modules: tuple[str, ...] = PAINTING,
    ) -> None:
        self.args, self._text = list(map(str, command)), text
        self.returncode: int | None = None
        self._ours: dict[int, Any] = {}
        theirs = [self._descriptor(number, wish, bufsize) for number, wish in enumerate((stdin, stdout, stderr))]
        self.stdin, self.stdout, self.stderr = map(self._ours.get, range(3))
        request = {"arguments": self.args[1:], "folder": str(cwd or Path.cwd()), "environment": env or dict(os.environ)}
        self._run = WarmRun(_server(modules), request | {"limit": None}, theirs)
        for number in self._ours:
            os.close(theirs[number])
        self.pid = self._run.pid

    def _descriptor(self, number: int, wish: Any, bufsize: int) -> int:
        """What the process gets; of a pipe, this side is kept."""
        if wish == DEVNULL:
            return _nothing()
        if wish != PIPE:
            return number if wish is None else wish if isinstance(wish, int) else wish.fileno()
        read, write = os.pipe()
        ours, theirs = (read, write) if number else (write, read)
        mode = ("r" if number else "w") + ("" if self._text else "b")
        self._ours[number] = os.fdopen(ours, mode, bufsize)
        return theirs

    def __enter__(self) -> Popen:
        return self

    def __exit__(self, *error: object) -> None:
        for stream in self._ours.values():
            with suppress(BrokenPipeError):
                stream.close()
        self.wait()

    def poll(self) -> int | None:
        """Its status, negative for a signal; None while it runs."""
        self.returncode = self._run.poll()
        return self.returncode

    def wait(self, timeout: float = inf) -> int:
        """Its status. Raises TimeoutExpired."""
        if self._run.wait(timeout) is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        self.poll()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, input: Any = None, timeout: float = inf) -> tuple[Any, Any]:
        """Write all and read all, wait for the end, and give what it wrote. Raises TimeoutExpired."""
        found: dict[int, Any] = {}
        streams = [(number, stream) for number, stream in self._ours.items() if number]
        threads = [Thread(target=lambda n=n, s=s: found.update({n: s.read()}), daemon=True) for n, s in streams]
        threads += [Thread(target=_write, args=(self.stdin, input), daemon=True)] if self.stdin else []
        for thread in threads:
            thread.start()
        self.wait(timeout)
        for thread in threads:
            thread.join()
        return found.get(1), found.get(2)


def run(
    command: Sequence[Any],
    *,
    input: Any = None,
    capture_output: bool = False,
    timeout: float = inf,
    check: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """What `subprocess.run` does, by a fork."""
    options |= {"stdout": PIPE, "stderr": PIPE} if capture_output else {}
    options |= {"stdin": PIPE} if input is not None else {}
    with Popen(command, **options) as process:
        try:
            out, err = process.communicate(input, timeout)
        finally:
            process.kill()
    done = subprocess.CompletedProcess(command, process.wait(), out, err)
    if check:
        done.check_returncode()
    return done


@cache
def _nothing() -> int:
    return os.open(os.devnull, os.O_RDWR)


def _write(stream: IO[Any], data: Any) -> None:
    with suppress(BrokenPipeError), stream:  # it may have read enough
        if data:
            stream.write(data)


def _status(asked: list[str]) -> int:
    """Run what Python's command line names, `-c CODE` or `-m reconet_cli`, and give its exit status."""
    kind, what, *words = asked
    sys.argv = [kind, *words]
    code = "from reconet_cli.cli import main; main()" if kind == "-m" else what
    return status_of(lambda: exec(code, {"__name__": "__main__"}))


if __name__ == "__main__":
    for module in sys.argv[2:]:
        importlib.import_module(module)
    gc.freeze()  # a collection in a fork would copy all that is loaded
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        connection.sendall(b"ready")
        asked = serve(connection)
    if asked is None:
        os._exit(0)
    leave(_status(asked))
