"""How many frames there are in a finished file, and how long it lasts: that an encoder ends well is not enough."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from subprocess import PIPE

import ffmpeg

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg import formats
from reconet_cli.video.ffmpeg.process import COLOR, GLOBAL_ARGUMENTS, LOG_MORE, Process
from reconet_cli.video.probing.dump import trusted
from reconet_cli.video.probing.info import parse
from reconet_cli.video.probing.source import file_url

_FRAMES = re.compile(rb"^frame=(\d+)$", re.MULTILINE)
# Where the description of the input has come to its end.
_OUTPUT = re.compile(rf"{COLOR}\[info\] (?:Output #0, |Stream mapping:)")


class Made:
    """What an encoder has to make: the file `path`, or (`series`) the files of a folder `path` of their own.

    `counted` is False where its frames are not to be found again one by one: where the user's own options may leave
    some out, or ffmpeg cannot read what it writes. `duration` is how long a counted file says that it lasts (seconds).
    """

    duration: Fraction | None = None

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
        lines: list[str | None] = []
        self._process = process = Process(_command(self._program, self._path), stdout=PIPE, on_log=lines.append)
        try:
            if self._aborted:  # between the check above and the start
                process.abort()
            with process.stdout as pipe:
                counts = _FRAMES.findall(pipe.read())
            well = process.wait() == 0
        finally:
            process.abort()
        said = parse(trusted(_OUTPUT.split("\n".join(line for line in lines if line is not None))[0]))
        self.duration = said.duration if said else None
        return int(counts[-1]) if well and counts else 0


def _command(program: str, path: Path) -> list[str]:
    # It would take a % in a GIF's name for a number.
    kind = {"f": "gif"} if path.suffix.lower() == ".gif" else {}
    stream = ffmpeg.input(file_url(path), **formats.alone(), **kind)["v:0"]
    output = ffmpeg.output(stream, "-", f="null", c="copy", copyinkf=None)
    return [program, *GLOBAL_ARGUMENTS, *LOG_MORE, "-copyts", "-progress", "pipe:1", *ffmpeg.get_args(output)]
