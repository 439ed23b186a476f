"""Video encoders on graphics chips."""

from __future__ import annotations

import functools
import subprocess

from reconet_cli.errors import MediaError

FAMILIES = ("nvenc", "videotoolbox", "qsv", "vaapi")  # in the order of trying
VAAPI_DEVICE = "/dev/dri/renderD128"
# What an encoder in software makes, by the name that hardware encoders begin with.
_STANDARDS = {"libx264": "h264", "libx265": "hevc", "libsvtav1": "av1"}
_PATIENCE = 30  # seconds


@functools.cache
def hardware_encoder(program: str, codec: str, family: str) -> str:
    """The encoder of a `family` (or of any, with `auto`) that makes what the software encoder `codec` makes.

    With `auto` it is `codec` itself where no hardware encoder works. Raises MediaError where one of the named family
    does not work on this machine.
    """
    standard = _STANDARDS.get(codec)
    names = [f"{standard}_{name}" for name in (FAMILIES if family == "auto" else [family]) if standard]
    for name in names:
        if encodes(program, name):
            return name
    if family == "auto":
        return codec
    what = f"the encoder {names[0]} does not work here" if names else f"{family} has no encoder in place of {codec}"
    raise MediaError(what, "--encoder auto takes what there is; `reconet doctor` lists the encoders that work")


def encodes(program: str, codec: str) -> bool:
    """True if the encoder makes a frame: being listed says nothing about drivers and devices."""
    device = ["-vaapi_device", VAAPI_DEVICE] if codec.endswith("_vaapi") else []
    upload = ["-vf", "format=nv12,hwupload"] if device else []
    frame = ["-f", "lavfi", "-i", "color=size=256x256:rate=25"]
    try:
        done = subprocess.run(
            [program, "-nostdin", "-loglevel", "error", *device, *frame, *upload, "-frames:v", "1", "-c:v", codec,
             "-f", "null", "-"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
