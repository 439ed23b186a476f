"""Cameras by their numbers, and what to do when one does not work."""

from __future__ import annotations

import re
import sys

from reconet_cli.errors import MediaError

_SYSTEMS = {"linux": "v4l2:/dev/video{}", "darwin": "avfoundation:{}"}
_DEVICE_FILE = re.compile(r"/dev/video\d+")
_HINTS = (
    ("busy", "another program uses the camera: close that one"),
    ("Permission denied", "your user may not use cameras: on Linux, add it to the group video"),
    ("No such", "is the camera plugged in? On Linux, `ls /dev/video*` shows all of them"),
    ("", "is it a camera, is it plugged in, and has it the --size and --fps that you ask for?"),
)


def camera_named(name: str) -> str:
    """The input that a camera's number (`0`) or device file stands for; any other name unchanged. Raises MediaError."""
    if _DEVICE_FILE.fullmatch(name):
        return f"v4l2:{name}"
    if not name.isdecimal():
        return name
    if sys.platform not in _SYSTEMS:
        raise MediaError(
            f"there is no camera {name}: this system has no numbers for cameras", "name it: dshow:video=NAME"
        )
    return _SYSTEMS[sys.platform].format(name)


def with_hint(problem: MediaError) -> MediaError:
    """A camera's error with what to do about it."""
    hint = next(hint for words, hint in _HINTS if words.lower() in problem.message.lower())
    return problem if problem.hint else MediaError(problem.message, hint)
