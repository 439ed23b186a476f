"""What each kind of output file can hold, and what is put in it by default."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from reconet_cli.errors import MediaError
from reconet_cli.media.info import MediaInfo, Stream
from reconet_cli.media.source import PICTURE_SUFFIXES

TEXT_SUBTITLES = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"})
_MP4_SOUND = frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "alac", "opus", "flac", "dts"})
_PICTURE_SUBTITLES = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"})
_PCM = frozenset({"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le"})


@dataclass(frozen=True)
class Container:
    """A kind of file: ffmpeg's muxer, the default video encoder, and which streams go in as they are.

    `video_with_alpha` is the default encoder where something may be transparent, empty for the same;
    `sound` None takes any codec; `text` is the encoder of text subtitles, empty where there can be none;
    `times` is False where only a constant frame rate fits; `clock` is the frames' ticks per second, 0 to
    keep the input's; `fastest` is the highest frame rate, 0 for any; `reorders` says for which videos
    frames may be stored out of order without spoiling times or duration; `streamed` is True where nobody can go back
    to complete the head; `covers` are the codecs of cover pictures that it takes.
    """

    muxer: str
    video: str = "libx264"
    video_with_alpha: str = ""
    sound: frozenset[str] | None = frozenset()
    sound_encoder: str = ""
    subtitles: frozenset[str] = frozenset()
    text: str = ""
    times: bool = True
    clock: int = 0
    fastest: int = 0
    reorders: Literal["all", "steady", "none"] = "all"
    attachments: bool = False
    covers: frozenset[str] = frozenset()
    streamed: bool = False
    options: dict[str, Any] = field(default_factory=dict)


_MP4 = Container(
    "mp4", sound=_MP4_SOUND, sound_encoder="aac", subtitles=frozenset({"mov_text"}), text="mov_text",
    covers=frozenset({"mjpeg", "png", "bmp"}),
    reorders="steady", options={"movflags": "+faststart"},
)  # fmt: skip
_TS = Container(
    "mpegts", sound=frozenset({"aac", "mp2", "mp3", "ac3", "eac3"}), sound_encoder="aac", clock=90_000
)  # fmt: skip
CONTAINERS = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": Container(
        "mov", video_with_alpha="prores_ks", sound=_MP4_SOUND - {"opus", "flac", "dts"} | _PCM, sound_encoder="aac",
        subtitles=frozenset({"mov_text"}), text="mov_text", reorders="steady",
        options={"movflags": "+faststart"},
    ),
    ".mkv": Container(
        "matroska", sound=None, sound_encoder="aac", text="subrip", attachments=True,
        subtitles=TEXT_SUBTITLES - {"mov_text", "text"} | _PICTURE_SUBTITLES,
    ),
    ".webm": Container(
        "webm", video="libvpx-vp9", sound=frozenset({"opus", "vorbis"}), sound_encoder="libopus",
        subtitles=frozenset({"webvtt"}), text="webvtt",
    ),
    ".avi": Container(
        "avi", sound=frozenset({"mp3", "mp2", "ac3", "aac", "pcm_s16le"}), sound_encoder="libmp3lame",
        times=False, reorders="none",
        # Sound begins a little before zero (encoders' priming); moving it there moves frames to other slots.
        options={"avoid_negative_ts": "disabled"},
    ),
    ".ts": _TS,
    ".mts": _TS,
    ".m2ts": _TS,
    ".gif": Container("gif", video="gif", clock=100, fastest=50),
    ".webp": Container("webp", video="libwebp_anim", clock=1000, options={"loop": 0}),
    ".apng": Container("apng", video="apng", options={"plays": 0}),
}  # fmt: skip


_FLV = Container("flv", sound=frozenset({"aac", "mp3"}), sound_encoder="aac", clock=1000)
# What goes over a network, by the protocol, and to standard output, by --format.
STREAMS = {
    "rtmp": _FLV,
    "rtmps": _FLV,
    "rtsp": replace(_TS, muxer="rtsp"),
    "udp": _TS,
    "srt": _TS,
    "tcp": _TS,
}
PIPES = {
    "matroska": replace(CONTAINERS[".mkv"], streamed=True),
    "mp4": replace(_MP4, streamed=True, options={"movflags": "+frag_keyframe+empty_moov+default_base_moof"}),
    "mpegts": _TS,
}


def is_stream(name: str) -> bool:
    """True for an address to send a video to."""
    return "://" in name and name.partition("://")[0].lower() in STREAMS


def container_of(path: Path | str) -> Container:
    """The container that a file name or an address asks for. Raises MediaError where there is none of that name."""
    if is_stream(str(path)):
        return STREAMS[str(path).partition("://")[0].lower()]
    path = Path(path)
    found = CONTAINERS.get(path.suffix.lower())
    if found is None:
        known = " ".join(dict.fromkeys((*CONTAINERS, *PICTURE_SUFFIXES)))
        what = f"unknown kind of file {path.suffix}" if path.suffix else "the name has no ending"
        raise MediaError(f"cannot write {path}: {what}", f"use one of {known}")
    return found


@dataclass(frozen=True)
class Passage:
    """How a stream other than the painted one gets across: `codec` is "copy" or an encoder."""

    stream: Stream
    codec: str


def passages(info: MediaInfo, container: Container, *, sound: bool = True) -> tuple[list[Passage], list[str]]:
    """Decide what of sound, subtitles, attachments and covers is copied, re-encoded or left out, and say so.

    Returns the passages in the input's order, sound first, and one sentence for each stream that changes.
    """
    kinds = ("audio", "subtitle", "attachment") if sound else ("subtitle", "attachment")
    taken: list[Passage] = []
    notes: list[str] = []
    for stream in (s for kind in kinds for s in info.of_kind(kind)):
        codec = _codec_for(stream, container)
        if codec == "copy" and stream.codec == "aac" and info.format == "mpegts" and container.streamed:
            codec = container.sound_encoder  # what belongs in the head is in each of its packets
        if codec:
            taken.append(Passage(stream, codec))
        name = f"{stream.kind if stream.kind != 'audio' else 'sound'} stream {stream.index} ({stream.codec})"
        if not codec:
            notes.append(f"{name} is left out: {container.muxer} cannot hold it")
        elif codec != "copy" and stream.kind == "audio":
            notes.append(f"{name} is re-encoded with {codec}: {container.muxer} cannot hold it as it is")
    for cover in (s for s in info.videos if s.cover):
        if cover.codec in container.covers:
            taken.append(Passage(cover, "copy"))
        else:
            notes.append(f"cover picture {cover.index} ({cover.codec}) is left out: of videos, mp4 alone keeps it")
    # bin_data is how ffmpeg shows the track that holds an mp4's chapters, which are kept.
    data = [s for s in info.of_kind("data") if s.codec != "bin_data"]
    notes += [f"data stream {s.index} ({s.codec}) is left out" for s in data]
    return taken, notes


def _codec_for(stream: Stream, container: Container) -> str:
    if stream.codec == "none":
        return ""
    if stream.kind == "audio":
        fits = container.sound is None or stream.codec in container.sound
        return "copy" if fits else container.sound_encoder
    if stream.kind == "subtitle":
        if stream.codec in container.subtitles:
            return "copy"
        return container.text if stream.codec in TEXT_SUBTITLES else ""
    return "copy" if container.attachments else ""
