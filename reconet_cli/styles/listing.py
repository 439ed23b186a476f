"""What there is to say about a style, as lines for people."""

from __future__ import annotations

from typing import Any

from reconet_cli.styles.cards import PREVIEW, entries_of, line_of, picture_name, read_card
from reconet_cli.styles.finding import Style


def description(style: Style) -> str:
    """The one line of a style's card that says what it looks like."""
    return line_of(read_card(style.folder), "description")


def describe(style: Style) -> list[tuple[str, str]]:
    """Everything worth knowing, as pairs of what and its words."""
    card = read_card(style.folder)
    preview = style.folder / PREVIEW
    picture = picture_name(card)
    lines = [
        ("looks like", line_of(card, "description")),
        ("from", _source(style, card)),
        ("picture", picture and picture + (" (here)" if (style.folder / picture).is_file() else "")),
        ("license", line_of(card, "picture_license")),
        ("preview", str(preview) if preview.is_file() else "none"),
        ("folder", str(style.folder)),
    ]
    entries = entries_of(card)
    for variant, path in style.variants.items():
        size = f"{path.stat().st_size / 1e6:.1f} MB"
        lines.append((variant, ", ".join([size, *_training(entries.get(variant, {}))])))
    return [(what, words) for what, words in lines if words]


def _source(style: Style, card: dict[str, Any]) -> str:
    if style.shipped:
        return "this project"
    source, added = line_of(card, "source"), line_of(card, "added")
    return f"{source}{f', added {added}' if added else ''}" if source else "yours"


def _training(entry: dict[str, Any]) -> list[str]:
    """How a variant was trained, as far as its card tells."""
    said = []
    if steps := line_of(entry, "steps"):
        said.append(f"{steps} steps")
    if isinstance(entry.get("seconds"), (int, float)):
        minutes = entry["seconds"] / 60
        said.append(f"{minutes:.0f} min" if minutes >= 2 else f"{entry['seconds']:.0f} s")
    if begun := line_of(entry, "begun_with"):
        said.append(f"from {begun}")
    start = entry.get("start")
    if isinstance(start, dict) and (picture := line_of(start, "picture")):
        said.append(f"from a style of {picture}")
    if network := line_of(entry, "loss_network"):
        said.append(f"loss network {network}")
    if when := line_of(entry, "date"):
        said.append(when)
    return said
