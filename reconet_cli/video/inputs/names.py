"""What a name stands for: a file, pictures, an address or a camera; and the pipe that it comes through, if it does."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg import formats
from reconet_cli.video.inputs.preparing import prepared, temporary_folder
from reconet_cli.video.inputs.relay import relayed
from reconet_cli.video.inputs.series import is_pattern, pictures_of, series_source
from reconet_cli.video.inputs.standard_input import StandardInput
from reconet_cli.video.probing.info import MediaInfo
from reconet_cli.video.probing.one_clock import with_one_clock
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import Source, file_source

_DEVICE = re.compile(r"(v4l2|avfoundation|dshow|gdigrab|x11grab):(.+)", re.DOTALL)
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://.+", re.DOTALL)
# What is not there a second time when the encoder asks for its sound.
_PASSING = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "rtp", "udp", "srt", "tcp"})
_USUAL_RATE = Fraction(25)


def at_its_pace(source: Source) -> Source:
    """The same source; a file no faster than it is shown."""
    return source if source.passing else replace(source, options={**source.options, "re": None})


def is_stream(name: str) -> bool:
    """True for an address that can be read only once."""
    url = _URL.fullmatch(name)
    return url is not None and url[1].lower() in _PASSING


def is_device(name: str) -> bool:
    """True for a camera or a screen."""
    return _DEVICE.fullmatch(name) is not None and not Path(name).exists()


def comes_once(name: str) -> bool:
    """True for a pipe, a camera or a stream, of which what is read is gone."""
    return name == "-" or is_stream(name) or is_device(name)


def files_of(name: str | Path) -> list[Path]:
    """The files that are read for an input: itself, or its pictures; none for an address, a camera or a pipe."""
    path = Path(name)
    if path.is_file():
        return [path]
    try:
        return pictures_of(path) if path.is_dir() or is_pattern(path) else []
    except MediaError:
        return []


def source_named(
    name: str, rate: Fraction | None, size: tuple[int, int] | None, stack: ExitStack, *, lists: bool = False
) -> Source:
    """Address an input by its name. Pictures get `rate`, and cameras are asked for `rate` and `size`.

    What an address leads to may be a list of files, a file only with `lists`.

    Raises MediaError where there is nothing of that name; `stack` removes what had to be written down.
    """
    path = Path(name)
    if (device := _DEVICE.fullmatch(name)) and not path.exists():
        wishes: dict[str, Any] = {"framerate": str(rate)} if rate else {}
        wishes |= {"video_size": size} if size else {}
        return Source(device[2], name, {"f": device[1], **wishes}, passing=True)
    if url := _URL.fullmatch(name):
        local = url[1].lower() == "file" and not lists
        return Source(name, name, formats.alone() if local else {}, passing=is_stream(name))
    if path.is_dir() or (is_pattern(path) and not path.exists()):
        return series_source(path, rate or _USUAL_RATE, temporary_folder(stack))
    return prepared(file_source(path, lists=lists), path, stack)


def find_input(
    program: str, name: str, rate: Fraction | None, size: tuple[int, int] | None, stack: ExitStack, *, lists: bool
) -> tuple[Source, MediaInfo, StandardInput | None]:
    """Look at a file, a picture series, a camera or an address; arguments as of `source_named`. Raises MediaError.

    What can be read only once comes through a pipe. `stack` ends connections and removes temporary files.
    """
    source = source_named(name, rate, size, stack, lists=lists)
    if is_stream(name):
        pipe = relayed(program, source, stack)
        return *pipe.probe(program), pipe
    return *with_one_clock(program, source, probe(program, source), stack), None
