"""All styles in one picture: their previews side by side, with their names."""

from __future__ import annotations

import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from reconet_cli.errors import StyleError
from reconet_cli.styles.cards import PREVIEW
from reconet_cli.styles.finding import Style
from reconet_cli.system.files import replacing
from reconet_cli.system.pictures import sheet_format

_WIDTH, _HEIGHT = 576, 256  # of one preview, pixels
_LABEL = 34
_GAP = 8
_COLUMNS = 3
_PAPER, _INK, _EMPTY = (255, 255, 255), (40, 40, 40), (224, 224, 224)


def write_style_sheet(output: Path, styles: list[Style], *, overwrite: bool = False) -> None:
    """Write a picture of styles: JPEG, PNG or WebP. Raises `StyleError`."""
    kind = sheet_format(output, StyleError)
    if output.exists() and not overwrite:
        raise StyleError(f"{output} exists", "-y overwrites it")
    if not styles:
        raise StyleError("there are no styles to show", "`reconet train` makes one")
    sheet = _sheet(styles)
    with replacing(output, StyleError) as part:
        sheet.save(part, kind, quality=90)


def _sheet(styles: list[Style]) -> Image.Image:
    columns = min(_COLUMNS, len(styles))
    rows = math.ceil(len(styles) / columns)
    wide, tall = _WIDTH + _GAP, _LABEL + _HEIGHT + _GAP
    sheet = Image.new("RGB", (columns * wide + _GAP, rows * tall + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(22)
    for number, style in enumerate(styles):
        x, y = _GAP + number % columns * wide, number // columns * tall + _GAP
        draw.text((x + 2, y + 2), style.name, fill=_INK, font=font)
        sheet.paste(_preview(style), (x, y + _LABEL))
    return sheet


def _preview(style: Style) -> Image.Image:
    """A style's preview within the size of one; a gray field where there is none."""
    field = Image.new("RGB", (_WIDTH, _HEIGHT), _EMPTY)
    try:
        with Image.open(style.folder / PREVIEW, formats=["JPEG"]) as opened:
            opened.draft("RGB", (_WIDTH, _HEIGHT))
            picture = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return field
    scale = min(_WIDTH / picture.width, _HEIGHT / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    field.paste(picture.resize(size, Image.Resampling.LANCZOS), ((_WIDTH - size[0]) // 2, (_HEIGHT - size[1]) // 2))
    return field
