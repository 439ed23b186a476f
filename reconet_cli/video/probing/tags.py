"""The tags of a file and of its streams, in the form that ffmpeg itself writes them down."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

import ffmpeg

from reconet_cli.video.ffmpeg.process import GLOBAL_ARGUMENTS
from reconet_cli.video.probing.source import Source
from reconet_cli.video.probing.unchanged import while_unchanged

_PATIENCE = 60  # seconds
# What says how a file is made up and not what it shows, and what ffmpeg writes anew for another file.
_MACHINERY = re.compile(
    r"major_brand|minor_version|compatible_brands|encoder|software|duration|handler_name|vendor_id|rotate"
    r"|alpha_mode|stereo_mode|source_id|id3v2_priv\..*|location-\w{3}|(NUMBER_OF_(FRAMES|BYTES)|BPS|_STATISTICS_\w+)(-\w+)?"
    r"|\w*variant_bitrate|(material|file)_package_\w+|uid|generation_uid|product_uid|operational_pattern_ul|toolkit_version"
    r"|reel_umid|data_type|track_name",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Tags:
    """Names and values of a whole file, and of each of its streams in their order; the number of its chapters."""

    whole: Mapping[str, str] = field(default_factory=dict)
    streams: tuple[Mapping[str, str], ...] = ()
    chapters: int = 0

    def of(self, index: int) -> Mapping[str, str]:
        """The tags of one stream, none where nothing is known of it."""
        return self.streams[index] if index < len(self.streams) else {}


@while_unchanged
def read_tags(program: str, source: Source) -> Tags:
    """Ask ffmpeg for the tags of an input that can be read again; none where it does not tell them."""
    stream = ffmpeg.input(source.url, **source.options)
    everything = {"map": "0", "map_metadata": 0, "c": "copy", "copy_unknown": None, "t": 0}
    arguments = ffmpeg.get_args(ffmpeg.output(stream, "pipe:1", f="ffmetadata", **everything))
    command = [program, *GLOBAL_ARGUMENTS, "-loglevel", "error", *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return Tags()
    return parse_tags(done.stdout.decode(errors="replace"))


def parse_tags(text: str) -> Tags:
    """Read ffmpeg's metadata file: `name=value` lines, with a backslash before what would mean something else."""
    whole: dict[str, str] = {}
    streams: list[dict[str, str]] = []
    chapters, section = 0, whole
    for line in re.findall(r"(?:\\.|[^\\\n])+", text, re.DOTALL):
        if line.startswith((";", "#")):
            continue
        if line == "[STREAM]":
            section = {}
            streams.append(section)
        elif line == "[CHAPTER]":
            section = {}
            chapters += 1
        else:
            name, equals, value = _split(line)
            if equals:
                section[name] = value
    return Tags(whole, tuple(streams), chapters)


def telling(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that a person may miss: without those that only say how a file is made up."""
    return {name: value for name, value in tags.items() if not _MACHINERY.fullmatch(name)}


def find(tags: Mapping[str, str], wanted: str) -> str:
    """The value of a tag whose name some containers write in capitals; empty where it is not there."""
    return next((value for name, value in tags.items() if name.lower() == wanted), "")


def _split(line: str) -> tuple[str, str, str]:
    match = re.match(r"((?:\\.|[^\\=])*)(=?)(.*)", line, re.DOTALL)
    assert match
    return _plain(match[1]), match[2], _plain(match[3])


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
