"""ffmpeg, and the encoders that work with it on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from reconet_cli.diagnosis.finding import Finding
from reconet_cli.errors import ReconetError
from reconet_cli.video.ffmpeg.hardware import FAMILIES, encodes
from reconet_cli.video.ffmpeg.locate import find_ffmpeg, version_line

# What each is for; without the first there is no mp4, mov or mkv by default.
_ENCODERS = {
    "libx264": "mp4, mov, mkv",
    "libx265": "--codec libx265",
    "libvpx-vp9": "webm",
    "libsvtav1": "--codec libsvtav1",
    "prores_ks": "--codec prores_ks",
    "gif": "gif",
}
_HARDWARE = tuple(f"h264_{family}" for family in FAMILIES)  # what --encoder offers


def examine_ffmpeg() -> Iterator[Finding]:
    """Which ffmpeg is used, and which encoders make a frame."""
    try:
        program = find_ffmpeg()
    except ReconetError as problem:
        yield Finding("ffmpeg", "broken", problem.message, problem.hint)
        return
    yield Finding("ffmpeg", "ok", f"{_version(program)}, {program} ({_origin(program)})")
    with ThreadPoolExecutor(2) as pool:
        tried = (*_ENCODERS, *_HARDWARE)
        works = dict(zip(tried, pool.map(lambda codec: encodes(program, codec), tried), strict=True))
    for codec, use in _ENCODERS.items():
        if works[codec]:
            yield Finding(f"encoder {codec}", "ok", use)
        elif codec == "libx264":
            advice = "install an ffmpeg with libx264, or `pip install imageio-ffmpeg`"
            yield Finding(f"encoder {codec}", "broken", "does not work", advice)
        else:
            yield Finding(f"encoder {codec}", "info", f"does not work; it is for {use}")
    hardware = [codec for codec in _HARDWARE if works[codec]]
    yield Finding("hardware encoders", "info", ", ".join(hardware) or "none work here")


def _origin(program: str) -> str:
    if os.environ.get("RECONET_FFMPEG"):
        return "by RECONET_FFMPEG"
    return "on PATH" if program == shutil.which("ffmpeg") else "from the imageio-ffmpeg wheel"


def _version(program: str) -> str:
    words = version_line(program).split()
    return words[2] if len(words) > 2 else "of unknown version"
