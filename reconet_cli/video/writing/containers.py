"""What each kind of output file can hold, and what is put in it by default."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from reconet_cli.errors import MediaError
from reconet_cli.video.probing.source import PICTURE_SUFFIXES

TEXT_SUBTITLES = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"})
_MP4_SOUND = frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "alac", "opus", "flac", "dts"})
_PICTURE_SUBTITLES = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"})
_FLAGS = frozenset({"default", "forced", "hearing_impaired", "visual_impaired", "comment", "dub"})
_PCM = frozenset({"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le"})


@dataclass(frozen=True)
class Container:
    """A kind of file: ffmpeg's muxer, the default video encoder, and which streams go in as they are.

    `video_with_alpha` is the default encoder where something may be transparent, empty for the same;
    `sound` None takes any codec; `text` is the encoder of text subtitles, empty where there can be none;
    `times` is False where only a constant frame rate fits; `clock` is the frames' ticks per second, 0 to
    keep the input's; `fastest` is the highest frame rate, 0 for any; `reorders` says for which videos
    frames may be stored out of order without spoiling times or duration; `streamed` is True where nobody can go back
    to complete the head; `covers` are the codecs of cover pictures that it takes. `tags` are the names of a file's tags
    that it has a place for, None for any; `any_tag` is the flag of ffmpeg's that makes room for all others, too;
    tracks have `languages`, and titles where `track_titles` is True; `flags` are those of tracks that it knows, by
    ffmpeg's names; `data` are the four-character codes or codecs of data tracks that go in as they are; `time_code` is
    True where it keeps the time code that its first frame has.
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
    reorders: Literal["all", "constant_rate", "none"] = "all"
    attachments: bool = False
    covers: frozenset[str] = frozenset()
    chapters: bool = False
    tags: frozenset[str] | None = frozenset()
    any_tag: str = ""
    languages: bool = True
    track_titles: bool = False
    flags: frozenset[str] = frozenset()
    data: frozenset[str] = frozenset()
    time_code: bool = False
    streamed: bool = False
    options: dict[str, Any] = field(default_factory=dict)


_MP4 = Container(
    "mp4", sound=_MP4_SOUND, sound_encoder="aac", subtitles=frozenset({"mov_text"}), text="mov_text",
    covers=frozenset({"mjpeg", "png", "bmp"}), chapters=True, track_titles=True,
    tags=frozenset({
        "title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping",
        "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "track", "disc", "location",
        "creation_time",
    }),
    any_tag="use_metadata_tags",
    flags=_FLAGS | {"captions", "descriptions"}, data=frozenset({"gpmd"}), time_code=True,
    reorders="constant_rate", options={"movflags": "+faststart"},
)  # fmt: skip
_TS = Container(
    "mpegts", sound=frozenset({"aac", "mp2", "mp3", "ac3", "eac3"}), sound_encoder="aac", clock=90_000,
    flags=frozenset({"hearing_impaired", "visual_impaired"}), data=frozenset({"klv", "timed_id3"}),
)  # fmt: skip
CONTAINERS = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": Container(
        "mov", video_with_alpha="prores_ks", sound=_MP4_SOUND - {"opus", "flac", "dts"} | _PCM, sound_encoder="aac",
        subtitles=frozenset({"mov_text"}), text="mov_text", reorders="constant_rate", chapters=True, track_titles=True,
        tags=frozenset({
            "title", "artist", "album", "date", "comment", "genre", "copyright", "location", "make", "model",
            "creation_time",
        }),
        any_tag="use_metadata_tags",
        flags=frozenset({"default"}), data=frozenset({"gpmd"}), time_code=True,
        options={"movflags": "+faststart"},
    ),
    ".mkv": Container(
        "matroska", sound=None, sound_encoder="aac", text="subrip", attachments=True, chapters=True, tags=None,
        track_titles=True, flags=_FLAGS | {"original", "descriptions"}, time_code=True,
        subtitles=TEXT_SUBTITLES - {"mov_text", "text"} | _PICTURE_SUBTITLES,
    ),
    ".webm": Container(
        "webm", video="libvpx-vp9", sound=frozenset({"opus", "vorbis"}), sound_encoder="libopus",
        subtitles=frozenset({"webvtt"}), text="webvtt", chapters=True, tags=None, track_titles=True,
        flags=frozenset({"default", "forced", "captions", "descriptions"}), time_code=True,
    ),
    ".avi": Container(
        "avi", sound=frozenset({"mp3", "mp2", "ac3", "aac", "pcm_s16le"}), sound_encoder="libmp3lame",
        times=False, reorders="none", track_titles=True, languages=False,
        tags=frozenset({"title", "artist", "comment", "date", "genre", "copyright", "track", "language", "encoded_by"}),
        # Sound begins a little before zero (encoders' priming); moving it there moves frames to other slots.
        options={"avoid_negative_ts": "disabled"},
    ),
    ".ts": _TS,
    ".mts": _TS,
    ".m2ts": _TS,
    ".gif": Container("gif", video="gif", languages=False, clock=100, fastest=50),
    ".webp": Container("webp", video="libwebp_anim", languages=False, clock=1000, options={"loop": 0}),
    ".apng": Container("apng", video="apng", languages=False, options={"plays": 0}),
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


# Many pictures hold nothing but themselves.
PICTURES = Container("a series of pictures", video="", languages=False)


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
