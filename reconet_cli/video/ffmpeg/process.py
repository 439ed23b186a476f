"""One ffmpeg child: started, listened to, and ended by us, never by the terminal."""

from __future__ import annotations

import functools
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, overload

from reconet_cli.errors import MediaError

log = logging.getLogger("reconet")

# Every line of the log starts with its level, and no line is folded into "last message repeated". It is colored,
# because only ffmpeg can write that: in what comes from a file, such as a title, it replaces control characters.
COLOR = r"\x1b\[[\d;]*m"
_COLORED = {"AV_LOG_FORCE_COLOR": "1", "TERM": "dumb"}
_COLORING = ("AV_LOG_FORCE_COLOR", "AV_LOG_FORCE_256COLOR", "AV_LOG_FORCE_NOCOLOR", "NO_COLOR")
GLOBAL_ARGUMENTS = ["-nostdin", "-hide_banner", "-nostats"]
LOG_EVERYTHING = ["-loglevel", "repeat+level+info"]
LOG_MORE = ["-loglevel", "repeat+level+debug"]
LOG_PROBLEMS = ["-loglevel", "repeat+level+warning"]

_LINE = re.compile(
    rf"^(?:{COLOR})*(?:\[[^\]]*\] (?:{COLOR})+)*?"
    rf"(?:\[(panic|fatal|error|warning|verbose|debug)\] {COLOR}|\[(info)\] )(.*)$"
)
# Said after the line that names the cause; worth showing only when nothing else was said.
_HOLLOW = re.compile(
    r"^(Conversion failed|Error opening (in|out)put|Task finished|Terminating thread|Error muxing"
    r"|Error while opening encoder|Could not open encoder|Nothing was written|Error sending frames"
    r"|Error closing file pipe|Error submitting|Error initializing output|At least one output file|\d+ frames? )"
)
_ERRORS = ("error", "fatal", "panic")
_TAIL = 40
_PATIENCE = 1.0  # seconds between SIGTERM and SIGKILL
_LEFT_BEHIND = 3.0  # seconds that the rest of the log may take once the child has ended
_LONGEST_LINE = 1 << 16
# What a log may take between two frames: bytes, and as many more for each line. A damaged file has much to say, too.
MOST_SAID, _LINE_COST = 64 << 20, 100


def environment(*, colored: bool = False) -> dict[str, str]:
    """The environment of every ffmpeg: this process's own, but with the colors in the log that are asked for."""
    kept = {name: value for name, value in os.environ.items() if name not in _COLORING}
    return kept | (_COLORED if colored else {"AV_LOG_FORCE_NOCOLOR": "1"})


def ask(command: list[str], seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run a short command to its end. Raises MediaError where it cannot start, or takes more than `seconds`."""
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, env=environment()
        )
    except subprocess.TimeoutExpired:
        raise MediaError(f"{command[0]} does not answer within {seconds:g} seconds") from None
    except OSError as problem:
        raise MediaError(f"cannot start {command[0]}: {problem.strerror}") from problem


def about(program: str, *arguments: str) -> bytes:
    """What a program answers about itself, asked once for as long as its file stays the same. Raises MediaError."""
    try:
        changed = os.stat(program).st_mtime_ns
    except OSError:
        changed = 0
    return _about(program, changed, arguments)


@functools.lru_cache(maxsize=64)
def _about(program: str, changed: int, arguments: tuple[str, ...]) -> bytes:
    return ask([program, "-hide_banner", *arguments], 30).stdout


class Process:
    """An ffmpeg process whose log is drained on a thread into a bounded tail.

    `stdin` and `stdout` are as in `subprocess.Popen`; `handed` are more descriptors for the child, under their own
    numbers; it works in `folder`. `on_log(line)` is called on the draining thread with every raw line, colors and
    all, and once with None when the log ends. Raises MediaError when the program cannot start.
    """

    def __init__(
        self,
        command: list[str],
        *,
        stdin: int | IO[Any] = subprocess.DEVNULL,
        stdout: int | IO[Any] = subprocess.DEVNULL,
        on_log: Callable[[str | None], None] | None = None,
        handed: tuple[int, ...] = (),
        folder: Path | None = None,
    ) -> None:
        self.command = command
        log.debug(shlex.join(map(str, command)))
        self.error_count = 0
        self._tail: deque[tuple[str, str]] = deque(maxlen=_TAIL)
        self._on_log = on_log
        self._said = 0
        try:
            # Unbuffered pipes: frames are large, and a second buffer would only copy them once more.
            self._child = subprocess.Popen(
                command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, bufsize=0, pass_fds=handed,
                cwd=folder,
                env=environment(colored=True), **_own_group(),
            )  # fmt: skip
        except OSError as problem:
            raise MediaError(f"cannot start {command[0]}: {problem.strerror}") from problem
        self._drain = threading.Thread(target=self._read_log, name="ffmpeg-log", daemon=True)
        self._drain.start()

    @property
    def stdin(self) -> IO[bytes]:
        """The unbuffered pipe into the child."""
        assert self._child.stdin is not None
        return self._child.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """The unbuffered pipe out of the child."""
        assert self._child.stdout is not None
        return self._child.stdout

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """False once the child has ended."""
        return self._child.poll() is None

    @overload
    def wait(self) -> int: ...
    @overload
    def wait(self, seconds: float) -> int | None: ...
    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for the end of the child and of its log; return its status (negative: killed by a signal).

        None where it does not end within `seconds`.
        """
        try:
            status = self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        # Somebody else may hold the log: a wrapper's own children.
        self._drain.join(_LEFT_BEHIND)
        return status

    def abort(self, patience: float = _PATIENCE) -> None:
        """End the child now, with what it has started: SIGTERM, then SIGKILL after `patience` seconds.

        Leaves no zombie; harmless when it has ended already.
        """
        if self._child.poll() is None:
            self._send_signal(signal.SIGTERM)
            try:
                self._child.wait(patience)
            except subprocess.TimeoutExpired:
                self._send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self.wait()

    def progress(self) -> None:
        """Say that a frame went in or came out: what is logged from now on is counted anew."""
        self._said = 0

    def close_stdin(self) -> None:
        """Close our end of the pipe into the child; for the thread that writes to it."""
        with suppress(OSError):  # the child died with bytes on their way
            self.stdin.close()

    def problem(self) -> str:
        """What ffmpeg itself says was wrong, in one line; its last words when it named no cause."""
        errors = [text for level, text in self._tail if level in _ERRORS]
        telling = [text for text in errors if not _HOLLOW.match(text)]
        if telling or errors:
            return (telling or errors)[-1].rstrip(".")
        status = self._child.poll()
        if status is not None and status < 0:
            return f"ffmpeg was ended by {signal.Signals(-status).name}"
        return self._tail[-1][1] if self._tail else "ffmpeg gives no reason"

    def said(self, words: str) -> bool:
        """True if a line of the tail contains `words`."""
        return any(words in text for _, text in self._tail)

    def _send_signal(self, number: int) -> None:
        if sys.platform == "win32":
            self._child.terminate()
        else:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, number)

    def _read_log(self) -> None:
        log = self._child.stderr
        assert log is not None
        with log:
            for raw in iter(lambda: log.readline(_LONGEST_LINE), b""):
                line = raw.decode(errors="replace").rstrip()
                self._remember(line)
                if self._on_log:
                    self._on_log(line)
                self._said += len(raw) + _LINE_COST
                if self._said > MOST_SAID:
                    self._tail.append(("error", "ffmpeg writes a log without end"))
                    self._send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
                    break
        if self._on_log:
            self._on_log(None)

    def _remember(self, line: str) -> None:
        match = _LINE.match(line)
        level, text = (match[1] or match[2], match[3]) if match else ("unmarked", line)
        text = re.sub(COLOR, "", text).strip()
        if level in ("info", "verbose", "debug") or not text:
            return
        if level in _ERRORS:
            self.error_count += 1
        self._tail.append((level, text))


def _own_group() -> dict[str, Any]:
    """Popen options that keep the terminal's Ctrl-C away from the child: we end it ourselves."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
