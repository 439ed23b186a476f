"""Parts of a video into one file, without encoding them again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg.process import Process
from reconet_cli.video.plan import Encoding, Original
from reconet_cli.video.probing.source import file_url
from reconet_cli.video.reading.decode import seconds
from reconet_cli.video.writing.encode import codec_tag, other_streams, tags_of, whole_command
from reconet_cli.video.writing.writer import FULL

JOINABLE = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".ts")


@dataclass(frozen=True)
class Part:
    """A file with pictures alone whose first one is shown at `begin`, in seconds on the whole video's clock."""

    path: Path
    begin: Fraction


def join(program: str, parts: Sequence[Part], path: Path, encoding: Encoding, original: Original | None) -> None:
    """Write the parts, one after the other in time, and the original's other streams to `path`.

    The parts are in one folder, where their list is written, too. Raises MediaError where ffmpeg fails.
    """
    contents = parts[0].path.with_name("parts.txt")
    contents.write_text(_list(parts), encoding="utf-8")
    # In that folder, because ffmpeg takes a ? or a # in a list's own name for the end of its folder's.
    if original:
        original = replace(original, source=replace(original.source, url=_absolute(original.source.url)))
    program = str(Path(program).absolute()) if os.sep in program else program
    command = join_command(program, Path(contents.name), parts[0].begin, path.absolute(), encoding, original)
    process = Process(command, folder=contents.parent)
    try:
        status = process.wait()
    finally:
        process.abort()
        contents.unlink()
    if process.said(FULL):
        raise MediaError(f"{path.parent}: no space left to join the parts", "free some space")
    if status != 0:
        raise MediaError(f"the parts cannot be joined: {process.problem()}")


def join_command(
    program: str, contents: Path, begin: Fraction, path: Path, encoding: Encoding, original: Original | None
) -> list[str]:
    """The command that does it; `contents` lists the parts, the first of which is shown at `begin`."""
    pictures = ffmpeg.input(file_url(contents), f="concat", itsoffset=seconds(begin))
    options: dict[str, Any] = {"f": encoding.container.muxer, "c:v": "copy", **encoding.container.options}
    options |= codec_tag(encoding) | (original.kept.options if original else {})
    streams = [pictures["v:0"]]
    if original:
        streams += other_streams(original, options)
    return whole_command(
        program, ffmpeg.output(*streams, file_url(path), **options), "-copyts", "-y", tags=tags_of(original)
    )


def _absolute(url: str) -> str:
    return file_url(Path(url.removeprefix("file:")).absolute()) if url.startswith("file:") else url


def _list(parts: Sequence[Part]) -> str:
    """For ffmpeg's concat demuxer, which would go by what the files claim to last if it were not told."""
    lines = ["ffconcat version 1.0"]
    for part, after in zip(parts, [*parts[1:], None], strict=True):
        lines.append(f"file {part.path.name}")
        if after:
            lines.append(f"duration {seconds(after.begin - part.begin)}")
    return "\n".join(lines) + "\n"
