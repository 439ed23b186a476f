"""Runs of `reconet` without the seconds that Python takes to load it: a process that forks for each of them.

What loads while a program starts is not disturbed in them; runs that start cold are mixed in for that.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

SEGMENT = 12  # frames: a short run has several segments
MODULES = [
    "cv2", "safetensors.numpy", "reconet_cli.cli", "reconet_cli.system.failures", "reconet_cli.stylizing.resume",
    "reconet_cli.engines.load", "reconet_cli.engines.torch.engine", "reconet_cli.stylizing.deflicker",
    *(f"reconet_cli.commands.{name}" for name in ("stylize", "deflicker", "flow", "evaluate")),
]  # fmt: skip
MORE_MODULES = [  # which take their time
    "torch._dynamo", "openvino", "onnxruntime", "onnx", "onnxscript", "torch.onnx", "torch.export", "nncf",
    "torch.onnx._internal.exporter", "reconet_cli.engines.openvino.engine", "reconet_cli.training.run",
    "reconet_cli.commands.train", "reconet_cli.commands.export",
]  # fmt: skip


def adapt() -> None:
    """Make short runs interesting and training quick: short segments, a tiny network."""
    import reconet_cli.stylizing.resume.run
    from reconet_cli.model import network

    reconet_cli.stylizing.resume.run.SEGMENT = SEGMENT
    network.VARIANTS["fast"] = network.NetworkConfig("fast", (4, 6, 8), 1)


def cold(arguments: list[str]) -> None:
    """Run a command line in a process that has loaded nothing yet."""
    from reconet_cli.cli import main

    if arguments[0] in ("train", "stylize", "export"):
        adapt()
    sys.argv = ["reconet", *arguments]
    main()


def hear_signals() -> None:
    """Ignore no signal: who starts this in the background may have ignored some, and what is ignored is inherited."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def serve(client: socket.socket) -> list[str] | None:
    """Answer requests until the other end closes; in a fork, the command line that it has to run."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(client, 1 << 20, 3)
        if not message:
            return None
        request = json.loads(message)
        if "poll" in request:
            pid, status = os.waitpid(request["poll"], os.WNOHANG)
            answer: Any = os.waitstatus_to_exitcode(status) if pid else None
        elif answer := os.fork():
            for descriptor in descriptors:
                os.close(descriptor)
        else:
            client.close()
            return _become(request, descriptors)
        client.sendall(json.dumps(answer).encode())


def _become(request: dict[str, Any], descriptors: list[int]) -> list[str]:
    """Take over what a new process is started with."""
    os.setsid()
    # A signal that comes before the program has begun ends it, and no more.
    hear_signals()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    # Those of the server know what kind of file they write to.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    if request["limit"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["limit"], request["limit"]))
    return list(request["arguments"])


def _status(arguments: list[str]) -> int:
    """Run a command line as a program does, up to its exit status."""
    from reconet_cli.cli import main

    sys.argv = ["reconet", *arguments]
    return status_of(main)


def status_of(program: Callable[[], object]) -> int:
    """Run a program, and give its exit status; a trace of what it raises goes to standard error."""
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        program()
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def leave(status: int) -> None:
    """End as Python does, but without taking apart everything that was loaded, which takes seconds in a fork."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    for module in [*MODULES, *(MORE_MODULES if sys.argv[2] == "more" else [])]:
        with suppress(ImportError):
            importlib.import_module(module)
    adapt()
    gc.freeze()  # a collection in a fork would copy all that is loaded
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        connection.sendall(b"ready")
        asked = serve(connection)
    if asked is None:
        os._exit(0)
    leave(_status(asked))
