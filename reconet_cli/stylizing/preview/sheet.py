"""The picture that a preview is: rows of frames, each row under its label."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_BOX = (400, 300)  # a frame is shrunk to fit, (width, height) in pixels
_LABEL = 34
_GAP = 8
_PAPER, _INK, _FAINT = (255, 255, 255), (40, 40, 40), (120, 120, 120)


@dataclass(frozen=True)
class Row:
    """Frames of one size, RGB uint8 `(H, W, 3)`, side by side; `note` stands behind the label."""

    label: str
    note: str
    frames: list[np.ndarray]


def draw_sheet(rows: list[Row]) -> Image.Image:
    """All rows in about a square, from the top down, then on in the next column."""
    blocks = [_block(row) for row in rows]
    width, height = max(block.width for block in blocks), blocks[0].height
    columns = max(1, round(math.sqrt(len(blocks) * height / width)))
    tall = math.ceil(len(blocks) / columns)
    columns = math.ceil(len(blocks) / tall)
    sheet = Image.new("RGB", (columns * (width + _GAP) + _GAP, tall * (height + _GAP) + _GAP), _PAPER)
    for number, block in enumerate(blocks):
        column, row = divmod(number, tall)
        sheet.paste(block, (_GAP + column * (width + _GAP), _GAP + row * (height + _GAP)))
    return sheet


def _block(row: Row) -> Image.Image:
    """A label and the frames under it."""
    height, width = row.frames[0].shape[:2]
    scale = min(1.0, _BOX[0] / width, _BOX[1] / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    font = ImageFont.load_default(20)
    behind = round(font.getlength(f"{row.label}   "))
    wide = max(len(row.frames) * (size[0] + _GAP) - _GAP, behind + round(font.getlength(row.note)))
    block = Image.new("RGB", (wide, _LABEL + size[1]), _PAPER)
    draw = ImageDraw.Draw(block)
    draw.text((0, 2), row.label, fill=_INK, font=font)
    draw.text((behind, 2), row.note, fill=_FAINT, font=font)
    for column, frame in enumerate(row.frames):
        picture = Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS)
        block.paste(picture, (column * (size[0] + _GAP), _LABEL))
    return block
