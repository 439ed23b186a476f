"""Video encoders and decoders on graphics chips."""

from __future__ import annotations

import functools

from reconet_cli.errors import MediaError
from reconet_cli.media.process import ask

FAMILIES = ("nvenc", "videotoolbox", "qsv", "vaapi")  # in the order of trying
VAAPI_DEVICE = "/dev/dri/renderD128"
# What an encoder in software makes, by the name that hardware encoders begin with.
_STANDARDS = {"libx264": "h264", "libx265": "hevc", "libsvtav1": "av1"}
_PATIENCE = 30  # seconds
# ffmpeg's names of the decoders' families, in the order of trying.
DECODERS = {"nvdec": "cuda", "videotoolbox": "videotoolbox", "vaapi": "vaapi"}


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


@functools.cache
def hardware_decoder(program: str, family: str) -> str:
    """Ffmpeg's name of a decoder of a `family`; with `auto` of any that works, empty where none does.

    A decoder that works may still not know an input's codec: ffmpeg then decodes that in software. Raises MediaError
    where one of the named family does not work on this machine.
    """
    for name in DECODERS.values() if family == "auto" else [DECODERS[family]]:
        if _has_device(program, name):
            return name
    if family == "auto":
        return ""
    raise MediaError(f"the decoder {family} does not work here", "--decoder auto takes what there is")


def _has_device(program: str, name: str) -> bool:
    """True if the chip can be opened: being listed says nothing about drivers and devices."""
    return _succeeds(program, "-init_hw_device", name, "-f", "lavfi", "-i", "color=size=64x64", "-frames:v", "1")


def encodes(program: str, codec: str) -> bool:
    """True if the encoder makes a frame: being listed says nothing about drivers and devices."""
    device = ["-vaapi_device", VAAPI_DEVICE] if codec.endswith("_vaapi") else []
    upload = ["-vf", "format=nv12,hwupload"] if device else []
    frame = ["-f", "lavfi", "-i", "color=size=256x256:rate=25"]
    return _succeeds(program, *device, *frame, *upload, "-frames:v", "1", "-c:v", codec)


def _succeeds(program: str, *arguments: str) -> bool:
    try:
        done = ask([program, "-nostdin", "-loglevel", "error", *arguments, "-f", "null", "-"], _PATIENCE)
    except MediaError:
        return False
    return done.returncode == 0
