"""Print the table in docs/media.md of what each kind of output keeps: `python docs/make_media_table.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from reconet_cli.video.writing.containers import CONTAINERS, PICTURES, Container

KEPT, DROPPED = "kept", "–"
_COLUMNS = {
    "mp4": CONTAINERS[".mp4"],
    "mov": CONTAINERS[".mov"],
    "mkv": CONTAINERS[".mkv"],
    "webm": CONTAINERS[".webm"],
    "avi": CONTAINERS[".avi"],
    "ts": CONTAINERS[".ts"],
    "gif, webp, apng": CONTAINERS[".gif"],
    "pictures": PICTURES,
}


def _sound(container: Container) -> str:
    if container.sound is None:
        return KEPT
    return f"{_some(container.sound)}; else → {container.sound_encoder}" if container.sound else DROPPED


def _text(container: Container) -> str:
    if not container.text:
        return DROPPED
    return f"→ {container.text}" if len(container.subtitles) == 1 else f"{KEPT} or → {container.text}"


def _pictured(container: Container) -> str:
    return KEPT if "hdmv_pgs_subtitle" in container.subtitles else DROPPED


def _tags(container: Container) -> str:
    if container.tags is None or container.any_tag:
        return KEPT
    return _some(container.tags) if container.tags else DROPPED


def _yes(holds: bool) -> str:
    return KEPT if holds else DROPPED


def _some(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or DROPPED


_ROWS: dict[str, Callable[[Container], str]] = {
    "sound": _sound,
    "subtitles: text": _text,
    "subtitles: pictures (PGS, DVD, DVB)": _pictured,
    "chapters": lambda c: _yes(c.chapters),
    "attachments (fonts and all else)": lambda c: _yes(c.attachments),
    "cover picture": lambda c: _some(c.covers),
    "data tracks (camera telemetry, KLV, …)": lambda c: _some(c.data),
    "time code of the first frame": lambda c: _yes(c.time_code),
    "tags of the file (title, place, make, date, …)": _tags,
    "languages of tracks": lambda c: _yes(c.languages),
    "titles of tracks": lambda c: _yes(c.track_titles),
    "flags of tracks": lambda c: _some(c.flags),
}


def table() -> str:
    """A Markdown table: a row for each kind of thing, a column for each kind of output."""
    lines = [f"| | {' | '.join(_COLUMNS)} |", "|---" * (len(_COLUMNS) + 1) + "|"]
    lines += [f"| {what} | {' | '.join(map(fate, _COLUMNS.values()))} |" for what, fate in _ROWS.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
