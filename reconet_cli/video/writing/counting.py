"""How many frames there are in a finished file: that an encoder ends without an error is not enough."""

from __future__ import annotations

import re
from pathlib import Path
from subprocess import PIPE

import ffmpeg

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg import formats
from reconet_cli.video.ffmpeg.process import GLOBAL_ARGUMENTS, LOG_PROBLEMS, Process
from reconet_cli.video.probing.source import file_url

_FRAMES = re.compile(rb"^frame=(\d+)$", re.MULTILINE)


class Made:
    """What an encoder has to make: the file `path`, or (`series`) the files of a folder `path` of their own.

    `counted` is False where its frames are not to be found again one by one: where the user's own options may leave
    some out, or ffmpeg cannot read what it writes.
    """

    def __init__(self, program: str, path: Path, *, counted: bool = True, series: bool = False) -> None:
        self._program = program
        self._path = path
        self._counted = counted
        self._series = series
        self._process: Process | None = None
        self._aborted = False

    def check(self, frames: int) -> None:
        """Look for so many `frames`. Raises MediaError where there are fewer."""
        if self._series:
            found = sum(path.stat().st_size > 0 for path in self._path.iterdir())
        elif not self._path.is_file() or not self._path.stat().st_size:
            found = 0
        else:
            found = self._count() if self._counted else frames
        # Some encoders write packets that show nothing, too.
        if found < frames:
            raise MediaError(f"ffmpeg wrote {found} of {frames} frames, and no error", "try another ffmpeg or encoder")

    def abort(self) -> None:
        """End a `check` on another thread."""
        self._aborted = True
        if self._process:
            self._process.abort()

    def _count(self) -> int:
        """The packets of the file's first video stream, read without decoding; 0 where that cannot be done."""
        self._process = process = Process(_command(self._program, self._path), stdout=PIPE)
        try:
            if self._aborted:  # between the check above and the start
                process.abort()
            with process.stdout as pipe:
                counts = _FRAMES.findall(pipe.read())
            return int(counts[-1]) if process.wait() == 0 and counts else 0
        finally:
            process.abort()


def _command(program: str, path: Path) -> list[str]:
    # It would take a % in a GIF's name for a number.
    kind = {"f": "gif"} if path.suffix.lower() == ".gif" else {}
    stream = ffmpeg.input(file_url(path), **formats.alone(), **kind)["v:0"]
    output = ffmpeg.output(stream, "-", f="null", c="copy", copyinkf=None)
    return [program, *GLOBAL_ARGUMENTS, *LOG_PROBLEMS, "-copyts", "-progress", "pipe:1", *ffmpeg.get_args(output)]
