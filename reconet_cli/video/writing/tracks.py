"""What of an input, apart from its pictures, is kept, converted or left out; `Container` has what a file can hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from reconet_cli.video.probing.info import MediaInfo, Stream, VideoStream
from reconet_cli.video.probing.tags import Tags, find, telling
from reconet_cli.video.writing.containers import TEXT_SUBTITLES, Container
from reconet_cli.video.writing.time_code import moved

_NAMES = {"audio": "sound"}
_MOST_NAMED = 8
_BRANDS = ("major_brand", "minor_version", "compatible_brands")  # of the input; the output has its own
_PAINTED = "metadata:s:v:0"
_CHAPTER_TRACK = "text"  # how ffmpeg shows the track that holds an mp4's chapters


@dataclass(frozen=True)
class Passage:
    """How a stream other than the painted one gets across: `codec` is "copy" or an encoder."""

    stream: Stream
    codec: str

    @property
    def letter(self) -> str:
        """What ffmpeg's stream specifiers call its kind."""
        return {"audio": "a", "subtitle": "s", "attachment": "t", "video": "v", "data": "d"}[self.stream.kind]


@dataclass(frozen=True)
class Cut:
    """The part that is painted: it begins after `start` seconds, at `rate` frames a second."""

    start: Fraction
    rate: Fraction


@dataclass
class Kept:
    """What becomes of all that an input has apart from its pictures, in a file of the kind `muxer`.

    `passages` get across, `dropped` streams do not, and `lost` names what else the muxer cannot hold. `options` are
    ffmpeg's for flags; `tags` are pairs of its name of an option and what that sets: `metadata:s:a:0`,
    `title=Commentary`.
    """

    muxer: str
    passages: list[Passage] = field(default_factory=list)
    dropped: list[Stream] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    tags: list[tuple[str, str]] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        """A sentence on each thing that changes."""
        converted = [
            f"{_name(passage.stream)} is re-encoded with {passage.codec}: {self.muxer} cannot hold it as it is"
            for passage in self.passages
            if passage.codec != "copy" and passage.stream.kind == "audio"
        ]
        missing = [*map(_name, self.dropped), *self.lost]
        return converted + [f"left out, because {self.muxer} cannot hold it: {'; '.join(missing)}"] * bool(missing)


def keep(
    info: MediaInfo, tags: Tags, video: VideoStream, container: Container, cut: Cut, *, sound: bool = True
) -> Kept:
    """Decide what of an input gets into a file of the kind `container`. Without `sound` there is none to be told of."""
    kept = Kept(container.muxer)
    _streams(info, container, kept, sound=sound)
    _chapters_and_tags(tags, container, kept)
    _time_code(info, tags, video, container, cut, kept)
    _tracks(tags, video, container, kept)
    return kept


def _streams(info: MediaInfo, container: Container, kept: Kept, *, sound: bool) -> None:
    kinds = ("audio", "subtitle", "attachment", "data") if sound else ("subtitle", "attachment", "data")
    for stream in (s for kind in kinds for s in info.of_kind(kind)):
        codec = _codec_for(stream, container)
        if codec == "copy" and stream.codec == "aac" and info.format == "mpegts" and container.streamed:
            codec = container.sound_encoder  # what belongs in the head is in each of its packets
        if codec:
            kept.passages.append(Passage(stream, codec))
        elif not _known_otherwise(stream):
            kept.dropped.append(stream)
    for cover in (s for s in info.videos if s.cover):
        if cover.codec in container.covers:
            kept.passages.append(Passage(cover, "copy"))
        else:
            kept.dropped.append(cover)


def _codec_for(stream: Stream, container: Container) -> str:
    """`copy`, an encoder, or nothing where the stream cannot get across."""
    if stream.kind == "attachment":  # ffmpeg has a codec for a few kinds of fonts only; it copies all
        return "copy" if container.attachments else ""
    if stream.kind == "data":
        return "copy" if {stream.codec, stream.tag} & container.data else ""
    if stream.codec == "none":
        return ""
    if stream.kind == "audio":
        fits = container.sound is None or stream.codec in container.sound
        return "copy" if fits else container.sound_encoder
    if stream.codec in container.subtitles:
        return "copy"
    return container.text if stream.codec in TEXT_SUBTITLES else ""


def _known_otherwise(stream: Stream) -> bool:
    """True for data tracks whose contents are also told as chapters or as a time code."""
    return stream.kind == "data" and stream.tag in (_CHAPTER_TRACK, "tmcd")


def _chapters_and_tags(tags: Tags, container: Container, kept: Kept) -> None:
    if tags.chapters and not container.chapters:
        kept.lost.append(f"{tags.chapters} chapters")
    made = find(tags.whole, "creation_time")
    if ";" in made:  # it stands in two places of the file, and newer ffmpegs read both
        kept.tags.append(("metadata", f"creation_time={made.partition(';')[0]}"))
    kept.tags += [("metadata", f"{name}=") for name in _BRANDS if name in tags.whole]
    if container.tags is None:
        return
    others = [name for name in telling(tags.whole) if name.lower() not in (*container.tags, "timecode")]
    if others and container.any_tag:
        kept.options["movflags"] = f"{container.options['movflags']}+{container.any_tag}"
    elif others:
        kept.lost.append(f"the tag{'s' * (len(others) > 1)} {_listed(others)}")


def _time_code(info: MediaInfo, tags: Tags, video: VideoStream, container: Container, cut: Cut, kept: Kept) -> None:
    """Hand on the time code of the first painted frame, on the painted track."""
    places = [tags.whole, tags.of(video.index), *(tags.of(s.index) for s in info.of_kind("data"))]
    code = next(filter(None, (find(place, "timecode") for place in places)), "")
    if not code:
        return
    new = moved(code, video.rate, cut.start, cut.rate) if container.time_code else ""
    kept.tags += [("metadata", "timecode="), (_PAINTED, f"timecode={new}")]
    if not new:
        kept.lost.append(f"the time code {code}")


def _tracks(tags: Tags, video: VideoStream, container: Container, kept: Kept) -> None:
    """Titles, languages and flags of the painted track and of those that get across."""
    own = {name: value for name, value in telling(tags.of(video.index)).items() if name.lower() != "timecode"}
    kept.tags += [(_PAINTED, f"{name}={value}") for name, value in own.items()]
    flagged = [s for s in (video, *(p.stream for p in kept.passages)) if "default" in s.flags]
    counts: dict[str, int] = {}
    for passage in (Passage(video, ""), *kept.passages):
        stream, letter = passage.stream, passage.letter
        number = counts.get(letter, 0)
        counts[letter] = number + 1
        there = tags.of(stream.index)
        title = find(there, "title") or find(there, "name")
        if title and container.track_titles:  # mp4 says name
            kept.tags.append((f"metadata:s:{letter}:{number}", f"title={title}"))
        elif title:
            kept.lost.append(f"the title of {_name(stream)}")
        if stream.language not in ("", "und") and not container.languages:
            kept.lost.append(f"the language {stream.language} of {_name(stream)}")
        if letter in "vas" and not (isinstance(stream, VideoStream) and stream.cover):
            flags = set(stream.flags & container.flags)
            if not flagged and number == 0 and letter != "s":  # the input's kind has no such flag
                flags |= {"default"}
            kept.options[f"disposition:{letter}:{number}"] = "+".join(sorted(flags)) or "0"
            if gone := stream.flags - container.flags - {"default"}:
                kept.lost.append(f"the flag{'s' * (len(gone) > 1)} {_listed(sorted(gone))} of {_name(stream)}")


def _name(stream: Stream) -> str:
    if isinstance(stream, VideoStream) and stream.cover:
        return f"cover picture {stream.index} ({stream.codec})"
    what = stream.tag if stream.kind == "data" and stream.tag else stream.codec
    return f"{_NAMES.get(stream.kind, stream.kind)} stream {stream.index} ({what})"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
