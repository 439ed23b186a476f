"""Asking ffprobe, or ffmpeg where that is missing, what an input is."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

import ffmpeg

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg import formats
from reconet_cli.video.ffmpeg.process import COLOR, GLOBAL_ARGUMENTS, LOG_EVERYTHING, LOG_MORE, LOG_PROBLEMS, Process
from reconet_cli.video.probing import ffprobe as probed
from reconet_cli.video.probing.dump import trusted
from reconet_cli.video.probing.info import MediaInfo, VideoStream, parse
from reconet_cli.video.probing.source import Source
from reconet_cli.video.probing.unchanged import while_unchanged

PATIENCE = 120.0  # seconds
LONGEST_ANSWER = 64 << 20  # bytes

Attend = Callable[[Process], Any]
_SIZE = re.compile(rf"{COLOR}\[Parsed_showinfo_\d+ @ \w+\] {COLOR}\[info\] n: .*? s:(\d+)x(\d+) ")


@while_unchanged
def probe(program: str, source: Source, attend: Attend | None = None, stdin: int = DEVNULL) -> MediaInfo:
    """Ask about an input with the ffprobe that belongs to an ffmpeg `program`, or with that itself.

    `attend` is given each process to wait for; it feeds the `stdin` of those that read a pipe. Raises MediaError, in
    ffmpeg's words, when it cannot open the input.
    """
    attend = attend or (_answered if source.url.startswith("file:") else Process.wait)
    ffprobe = find_ffprobe(program)
    opened = input_arguments(source)
    if ffprobe:
        asked = _Asked([ffprobe, "-hide_banner", *LOG_PROBLEMS, *probed.ARGUMENTS, *opened], attend, stdin)
        info = probed.parse_json(asked.answer)
    else:
        asked = _Asked([program, "-nostdin", "-hide_banner", *LOG_MORE, *opened], attend, stdin)
        info = parse(trusted(asked.log))
    if info is None and formats.refused(asked.process):
        raise MediaError(
            f"{source.name} is a playlist, a manifest or another list of files, or of a kind that is not read",
            "name the files themselves; stylize reads its INPUT's lists with --allow-playlists",
        )
    if info is None:
        raise MediaError(f"{source.name} is no video or picture that ffmpeg can read: {asked.process.problem()}")
    video = info.video
    if video is None or video.shown_size == (video.width, video.height) or (ffprobe and not any(video.crop)):
        return info
    return (
        info
        if _turned(program, source, video, attend, stdin)
        else _with(info, replace(video, crop=(0, 0), rotation=0.0))
    )


def find_ffprobe(program: str) -> str | None:
    """The ffprobe beside an ffmpeg, None where there is none."""
    path = Path(program)
    return shutil.which(path.with_name(path.name.replace("ffmpeg", "ffprobe"))) if "ffmpeg" in path.name else None


def _answered(process: Process) -> None:
    """Wait for what reads a file; an address may make it wait as long as it likes."""
    if process.wait(PATIENCE) is None:
        raise MediaError(f"{process.command[0]} does not answer within {PATIENCE:g} seconds", "try another ffmpeg")


class _Asked:
    """A process that has answered: its log, with colors, and what it wrote to standard output."""

    def __init__(self, command: list[str], attend: Attend, stdin: int) -> None:
        lines: list[str | None] = []
        self.answer = b""
        self.process = Process(command, stdin=stdin, stdout=PIPE, on_log=lines.append)
        listener = threading.Thread(target=self._listen, name="probe", daemon=True)
        listener.start()
        try:
            attend(self.process)
        finally:
            if stdin == PIPE:
                self.process.close_stdin()
            self.process.abort()
            listener.join()
        self.log = "\n".join(line for line in lines if line is not None)

    def _listen(self) -> None:
        with self.process.stdout as pipe:
            while piece := pipe.read(1 << 16):
                self.answer += piece
                if len(self.answer) > LONGEST_ANSWER:
                    self.process.abort()


def input_arguments(source: Source) -> list[str]:
    """The arguments that open an input, up to its address; ffprobe knows them, too."""
    arguments: list[str] = ffmpeg.get_args(ffmpeg.output(ffmpeg.input(source.url, **source.options), "-"))
    return arguments[: arguments.index("-i") + 2]


def _turned(program: str, source: Source, video: VideoStream, attend: Attend, stdin: int) -> bool:
    """Whether a video that is said to be cropped or to lie on its side is shown so: a tag may say so, too."""
    shown = ffmpeg.input(source.url, **source.options, t=1)[str(video.index)].filter("showinfo", checksum=0)
    arguments = ffmpeg.get_args(ffmpeg.output(shown, "-", f="null", **{"frames:v": 1}))
    found = _SIZE.search(_Asked([program, *GLOBAL_ARGUMENTS, *LOG_EVERYTHING, *arguments], attend, stdin).log)
    return found is not None and (int(found[1]), int(found[2])) == video.shown_size


def _with(info: MediaInfo, video: VideoStream) -> MediaInfo:
    return replace(info, streams=tuple(video if s.index == video.index else s for s in info.streams))
