"""Video encoders and decoders on graphics chips."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg.process import ask

FAMILIES = ("nvenc", "videotoolbox", "qsv", "vaapi")  # in the order of trying
# What an encoder in software makes, by the name that hardware encoders begin with.
_STANDARDS = {"libx264": "h264", "libx265": "hevc", "libsvtav1": "av1"}
_PATIENCE = 30  # seconds
NODES = Path("/dev/dri")  # where Linux has its graphics chips
# ffmpeg's names of the decoders' families, in the order of trying.
DECODERS = {"nvdec": "cuda", "videotoolbox": "videotoolbox", "vaapi": "vaapi"}


@functools.cache
def hardware_encoder(program: str, codec: str, family: str, gpu: int | None = None) -> str:
    """The encoder of a `family` (or of any, with `auto`) that makes what the software encoder `codec` makes.

    `gpu` is the number of the NVIDIA one to ask first. With `auto` it is `codec` itself where no hardware encoder
    works. Raises MediaError where one of the named family does not work on this machine.
    """
    standard = _STANDARDS.get(codec)
    names = [f"{standard}_{name}" for name in (FAMILIES if family == "auto" else [family]) if standard]
    for name in names:
        if encoder_device(program, name, gpu) is not None:
            return name
    if family == "auto":
        return codec
    what = f"the encoder {names[0]} does not work here" if names else f"{family} has no encoder in place of {codec}"
    raise MediaError(what, "--encoder auto takes what there is; `reconet doctor` lists the encoders that work")


@functools.cache
def hardware_decoder(program: str, family: str, gpu: int | None = None) -> str:
    """A decoder of a `family`, as ffmpeg names it and its device (`cuda:1`); with `auto` of any that works, else empty.

    `gpu` is the number of the NVIDIA one to ask first.
    A decoder that works may still not know an input's codec: ffmpeg then decodes that in software. Raises MediaError
    where one of the named family does not work on this machine.
    """
    for name in DECODERS.values() if family == "auto" else [DECODERS[family]]:
        for device in _devices(name, gpu):
            chip = f"{name}:{device}" if device else name
            if _opens(program, chip):
                return chip
    if family == "auto":
        return ""
    raise MediaError(f"the decoder {family} does not work here", "--decoder auto takes what there is")


@functools.cache
def encoder_device(program: str, codec: str, gpu: int | None = None) -> str | None:
    """On which device an encoder makes a frame, for `device_options`: empty for ffmpeg's own choice, None for none.

    Being listed says nothing about drivers and devices.
    """
    frame = ["-f", "lavfi", "-i", "color=size=256x256:rate=25"]
    for device in _devices(codec.rpartition("_")[2], gpu):
        before, own = device_options(codec, device)
        after = [word for name, value in own.items() for word in (f"-{name}", value)]
        upload = ["-vf", "format=nv12,hwupload"] if before else []
        if _succeeds(program, *before, *frame, *upload, "-frames:v", "1", "-c:v", codec, *after):
            return device
    return None


def device_options(codec: str, device: str) -> tuple[list[str], dict[str, str]]:
    """What makes an encoder work on a device: ffmpeg's global arguments, and options of the encoder's own."""
    if codec.endswith("_vaapi"):
        return ["-vaapi_device", device], {}
    return [], {"gpu": device} if device else {}


def encodes(program: str, codec: str) -> bool:
    """True if the encoder makes a frame."""
    return encoder_device(program, codec) is not None


def on_chip(codec: str) -> bool:
    """True for encoders on graphics chips."""
    return codec.endswith(FAMILIES)


def _devices(family: str, gpu: int | None) -> list[str]:
    """Devices to try, in this order; an empty one is what ffmpeg chooses."""
    if family == "vaapi":  # ffmpeg takes the first that opens, which may be a chip without any encoder
        return _render_nodes()
    numbered = gpu is not None and family in ("nvenc", "cuda")
    return [str(gpu), ""] if numbered else [""]  # not every GPU that computes has encoders


def _render_nodes() -> list[str]:
    found = (re.fullmatch(r"renderD(\d+)", path.name) for path in NODES.glob("renderD*"))
    return [f"{NODES}/renderD{number}" for number in sorted(int(match[1]) for match in found if match)]


def _opens(program: str, chip: str) -> bool:
    """True if the chip can be opened: being listed says nothing about drivers and devices."""
    return _succeeds(program, "-init_hw_device", chip, "-f", "lavfi", "-i", "color=size=64x64", "-frames:v", "1")


def _succeeds(program: str, *arguments: str) -> bool:
    try:
        done = ask([program, "-nostdin", "-loglevel", "error", *arguments, "-f", "null", "-"], _PATIENCE)
    except MediaError:
        return False
    return done.returncode == 0
