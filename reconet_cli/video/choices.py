"""What follows from the kinds of input and output: encoder, layout, deinterlacing; and what to say about it."""

from __future__ import annotations

from dataclasses import replace

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg.encoders import ENCODERS, NAMES, PICTURES, UNKNOWN
from reconet_cli.video.ffmpeg.hardware import hardware_decoder, hardware_encoder
from reconet_cli.video.ffmpeg.pixels import Layout
from reconet_cli.video.inputs.series import series_pattern
from reconet_cli.video.probing.color import has_high_bit_depth
from reconet_cli.video.probing.info import MediaInfo, VideoStream
from reconet_cli.video.probing.interlace import field_order
from reconet_cli.video.probing.source import Source, picture_suffix
from reconet_cli.video.request import Request


def asked_codec(request: Request) -> str | None:
    """The encoder that was asked for, by ffmpeg's name."""
    return NAMES.get(request.codec, request.codec) if request.codec else None


def with_hardware(program: str, request: Request) -> Request:
    """The same request with ffmpeg's names of what was asked for on a graphics chip. Raises MediaError."""
    if request.decoder:
        request = replace(request, decoder=hardware_decoder(program, request.decoder, request.gpu))
    if not request.encoder or request.raw_format or request.to_picture:
        return request
    codec = asked_codec(request) or request.container.video
    return replace(request, codec=hardware_encoder(program, codec, request.encoder, request.gpu), encoder=None)


def video_codec(request: Request, video: VideoStream | None) -> str:
    """The encoder of a video file: the one that was asked for, else the container's usual one."""
    container = request.container
    transparent = video is not None and video.alpha
    return asked_codec(request) or (transparent and container.video_with_alpha) or container.video


def layout_for(request: Request, video: VideoStream, name: str) -> tuple[Layout, list[str]]:
    """The layout to read in: what the input has and the output can keep; and a sentence on what gets lost."""
    if request.raw_format:
        return Layout(sixteen_bit=request.raw_format == "rgb48le"), []
    there = Layout(has_high_bit_depth(video.pixel_format), video.alpha)
    if request.to_picture or request.series:
        what, encoder = PICTURES[picture_suffix(series_pattern(request.output))]
    else:
        what = video_codec(request, video)
        encoder = ENCODERS.get(what, UNKNOWN)
    kept, notes = encoder.takes(there), []
    if there.sixteen_bit and not kept.sixteen_bit:
        notes.append(f"{name} has more than 8 bits a channel: {what} keeps 8")
    if there.alpha and not kept.alpha:
        notes.append(f"{name} may have transparent parts: they become opaque, because {what} has no transparency")
    return kept, notes


def fields_of(program: str, source: Source, video: VideoStream) -> tuple[str, list[str]]:
    """Which field of the frames comes first, empty where they need no deinterlacing; and a sentence about it."""
    if not video.interlaced:
        return "", []
    fields = "auto" if source.passing else field_order(program, source, video)
    return fields, [f"{source.name} is interlaced: it is deinterlaced (bwdif)"] if fields else []


def notes_about(request: Request, info: MediaInfo, video: VideoStream, name: str) -> list[str]:
    """What to say about an input's pictures. Raises MediaError for a high dynamic range that is to be rejected."""
    notes = []
    moving = [s for s in info.videos if not s.cover]
    if len(moving) > 1:
        notes.append(f"{name} has {len(moving)} video streams: painting the first ({video.width}x{video.height})")
    if video.captions:
        notes.append(f"{name} has captions inside its pictures (CEA-608, CEA-708): they are left out")
    if video.spatial:
        kinds = " and ".join(sorted(video.spatial))
        notes.append(f"{name} is {kinds} video: what says so is left out, and players show the pictures flat")
    if video.color.hdr:
        what = f"{name} is {video.color.hdr} (high dynamic range)"
        if request.hdr == "reject":
            raise MediaError(what, "--hdr tonemap makes it ordinary")
        notes.append(f"{what}: it is tone-mapped to ordinary colors (bt709)")
    return notes
