"""Finding an ffmpeg that is new enough."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg.process import about

OLDEST = (5, 1)  # -fps_mode came with 5.1
_INSTALL = "install ffmpeg 5.1 or newer, or `pip install imageio-ffmpeg`, or name one with --ffmpeg"


def find_ffmpeg(explicit: str | None = None) -> str:
    """Return the path of ffmpeg: `explicit`, `$RECONET_FFMPEG`, PATH, then the imageio-ffmpeg wheel.

    One that was asked for by name has to work; one on PATH that is too old is passed over in favor of the
    wheel's. Raises MediaError when there is none.
    """
    for name, origin in ((explicit, "--ffmpeg"), (os.environ.get("RECONET_FFMPEG"), "RECONET_FFMPEG")):
        if name:
            return _named(name, origin)
    on_path = shutil.which("ffmpeg")
    if on_path and _usable(on_path):
        return on_path
    bundled = bundled_ffmpeg()
    if bundled and _usable(bundled):
        return bundled
    if on_path:
        raise MediaError(f"{on_path} is older than 5.1 or does not run", _INSTALL)
    raise MediaError("no ffmpeg found", _INSTALL)


def _named(name: str, origin: str) -> str:
    path = shutil.which(name)
    if path is None:
        what = "is a folder" if Path(name).is_dir() else "is not an executable file"
        raise MediaError(f"{origin}: {name} {what}", "give the path of the ffmpeg executable")
    if not _usable(path):
        raise MediaError(f"{origin}: {name} is no ffmpeg of version 5.1 or newer", _INSTALL)
    return path


def bundled_ffmpeg() -> str | None:
    """The ffmpeg of the `imageio-ffmpeg` wheel, if that is installed."""
    try:
        import imageio_ffmpeg

        path: str = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return None
    return path


def version_line(program: str) -> str:
    """The first line of what an ffmpeg says about itself, `ffmpeg version 7.1 …`. Raises `MediaError`."""
    return about(program, "-version").decode(errors="replace").partition("\n")[0]


def _usable(path: str) -> bool:
    """True if `path` runs, says that it is ffmpeg and is not older than OLDEST (git builds: no number)."""
    try:
        said = version_line(path)
    except MediaError:
        return False
    if not said.startswith("ffmpeg version "):
        return False
    number = re.match(r"ffmpeg version n?(\d+)\.(\d+)", said)
    return number is None or (int(number[1]), int(number[2])) >= OLDEST
