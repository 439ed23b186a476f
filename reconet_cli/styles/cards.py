"""A style's card: a JSON object beside its weights. Its words may come from anywhere, so they are read with care."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reconet_cli.errors import StyleError
from reconet_cli.system.json_text import json_value

# Beside a style's weights.
CARD = "card.json"
PREVIEW = "preview.jpg"
_LONGEST = 300  # characters


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a style's folder; an empty one where there is none, or none that can be read."""
    try:
        return parse_card((folder / CARD).read_bytes())
    except (OSError, StyleError):
        return {}


def parse_card(text: bytes) -> dict[str, Any]:
    """The card in a file's contents. Raises `StyleError`."""
    try:
        card = json_value(text)
        json.dumps(card, indent=2)  # which nests less deep than reading does
    except (ValueError, RecursionError) as problem:
        raise StyleError(f"{CARD} is damaged: {problem or 'nested too deep'}", "leave it out") from problem
    if not isinstance(card, dict):
        raise StyleError(f"{CARD} is no card: it holds no object", "leave it out")
    if "looks" in card:  # what older cards call it
        card.setdefault("description", card.pop("looks"))
    return card


def card_text(card: dict[str, Any]) -> str:
    """The contents of a card's file."""
    return json.dumps(card, indent=2) + "\n"


def line_of(card: dict[str, Any], key: str) -> str:
    """An entry as one line that a terminal can print; empty where there is none."""
    value = card.get(key)
    return printable(str(value)) if isinstance(value, (str, int, float)) else ""


def printable(text: str) -> str:
    """One line without control characters, and of bounded length."""
    return "".join(c if c.isprintable() else " " for c in text[:_LONGEST]).strip()


def entries_of(card: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """How each variant was made."""
    variants = card.get("variants")
    if not isinstance(variants, dict):
        return {}
    return {name: entry for name, entry in variants.items() if isinstance(entry, dict)}


def picture_name(card: dict[str, Any]) -> str:
    """The file name of the picture that a style was learned from; empty where it is not known."""
    for entry in entries_of(card).values():
        name = entry.get("picture")
        if (
            isinstance(name, str)
            and name
            and name == printable(name)
            and not set(name) & set("/\\:")
            and name[0] != "."
        ):
            return name
    return ""
