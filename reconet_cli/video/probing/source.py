"""Inputs: files by any name."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg import formats
from reconet_cli.video.probing.info import MediaInfo, VideoStream

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
PHOTOGRAPH_SUFFIXES = (".heic", ".heif", ".hif", ".avif")  # pictures that are read and never written
# Further endings by which ffmpeg takes a name with a % or a wildcard for a numbered sequence.
_NUMBERED = re.compile(
    r"\.(jps|mpo|ljpg|jls|pns|mng|p[bgpnaf]m|phm|pgmyuv|y|raw|yuv|tga|targa|gif|avif|jp2|jpc|j2k|j2c|jxl|jxr|exr|dpx|pcx"
    r"|pct|pict|pic|im\d+|ras|rs|sgi|sun|xbm|xface|xpm|xwd|cri|cin|psd|qoi|svg|svgz|vbn|wbmp|hdr|pgx|fits?|fts|dds)$"
)


@dataclass(frozen=True)
class Source:
    """What ffmpeg opens: its address, its input options, and the name that a person knows it by.

    `passing` is True for what can be read only once: pipes, cameras, live streams. `notes` are sentences about what was
    done to it beforehand.
    """

    url: str
    name: str
    options: dict[str, Any] = field(default_factory=dict)
    passing: bool = False
    notes: tuple[str, ...] = ()


def picture_suffix(path: Path) -> str:
    """A picture's ending in its usual spelling."""
    return path.suffix.lower().replace("jpeg", "jpg").replace("tiff", "tif")


def file_url(path: Path) -> str:
    """Address a local file so that neither `:` nor a leading `-` in its name means anything to ffmpeg."""
    return _Url(f"file:{path}")


class _Url(str):
    """An address whose text ffmpeg-python can make a hash of, also where a name is not UTF-8."""

    def __str__(self) -> str:
        return self.encode(errors="backslashreplace").decode()


def file_source(path: Path, *, lists: bool = False) -> Source:
    """Address an input file, which opens no other file unless it may be one of the `lists` of files.

    Raises MediaError where it is missing, a folder, not a plain file, or empty.
    """
    try:
        status = path.stat()
    except OSError as problem:
        raise MediaError(f"{path}: {problem.strerror}", "check the name of the input") from problem
    if stat.S_ISDIR(status.st_mode):
        raise MediaError(f"{path} is a folder", "give a video or a picture file")
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(f"{path} is not a plain file", "pipe it in, with - as the input")
    if status.st_size == 0:
        raise MediaError(f"{path} is empty (0 bytes)", "copy or record it again")
    try:
        path.open("rb").close()
    except OSError as problem:
        raise MediaError(f"{path}: {problem.strerror}") from problem
    options = formats.with_others() if lists else formats.alone()
    # image2 would take % and wildcards in a picture's name for a numbered sequence.
    pictured = path.suffix.lower() in PICTURE_SUFFIXES or _NUMBERED.search(path.name.lower())
    if pictured and any(c in str(path) for c in "%*?{["):
        options |= {"f": "image2", "pattern_type": "none"}
    return Source(file_url(path), str(path), options)


def video_stream(info: MediaInfo, name: str) -> VideoStream:
    """The stream to paint. Raises MediaError where there is none that can be decoded."""
    video = info.video
    if video is None:
        extra = " (only a cover picture)" if info.videos else ""
        raise MediaError(f"{name} has no video stream{extra}", "give a file with moving pictures or a picture")
    if video.width < 1 or video.height < 1 or video.codec == "none":
        if video.codec == "webp":
            raise MediaError(f"{name}: this ffmpeg cannot decode animated WebP", "ffmpeg 9 can: `reconet doctor`")
        raise MediaError(f"{name}: ffmpeg cannot decode its video stream", "the file may be damaged")
    return video
