"""Lay pictures below each other as they are and in every style: one block a style, with its name.

    python examples/style_sheet.py examples/styles.jpg weights/frames/astronaut.jpg weights/frames/chelsea.jpg \
        weights/frames/coast-1.jpg --width 240 --columns 7
    python examples/style_sheet.py --previews

`--previews` draws the preview of every shipped style instead: the packaged frames above, painted below.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from reconet_cli.model.network import ReCoNet
from reconet_cli.model.tensors import to_tensor
from reconet_cli.model.weights import load_weights
from reconet_cli.styles.finding import list_styles
from reconet_cli.system.folders import packaged_folder
from reconet_cli.training.data.sources import read_picture
from reconet_cli.training.preview import preview_frames, write_sheet

_LABEL = 26
_GAP = 6


def painted(network: ReCoNet, picture: np.ndarray) -> np.ndarray:
    """An RGB uint8 picture `(H, W, 3)`, painted."""
    image = network(to_tensor(picture)[None])[0].clamp(0, 1)
    return (image.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()


def block(name: str, pictures: list[np.ndarray], width: int) -> np.ndarray:
    """Pictures below each other at one width, under a name."""
    label = np.full((_LABEL, width, 3), 255, np.uint8)
    cv2.putText(label, name, (2, _LABEL - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (40, 40, 40), 1, cv2.LINE_AA)
    gap = np.full((_GAP, width, 3), 255, np.uint8)
    return np.vstack([label, *(part for picture in pictures for part in (_at_width(picture, width), gap))])


def _at_width(picture: np.ndarray, width: int) -> np.ndarray:
    height = round(picture.shape[0] * width / picture.shape[1])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def sheet(files: list[Path], width: int, columns: int, variant: str) -> np.ndarray:
    """All blocks in rows of `columns`, the pictures themselves first."""
    pictures = [read_picture(file) for file in files]
    blocks = [block("original", pictures, width)]
    for style in list_styles():
        if variant in style.variants:
            network = load_weights(style.variants[variant])
            blocks.append(block(style.name, [painted(network, picture) for picture in pictures], width))
    while len(blocks) % columns:
        blocks.append(np.full_like(blocks[0], 255))
    gap = np.full((blocks[0].shape[0], _GAP, 3), 255, np.uint8)
    rows = [blocks[first : first + columns] for first in range(0, len(blocks), columns)]
    return np.vstack([np.hstack([part for each in row for part in (each, gap)][:-1]) for row in rows])


def draw_previews() -> None:
    """Draw every shipped style's preview anew."""
    files = sorted((packaged_folder() / "frames").glob("*.jpg"))
    frames = preview_frames([read_picture(file) for file in files])
    for style in list_styles():
        if style.folder.parent == packaged_folder() and "fast" in style.variants:
            image = load_weights(style.variants["fast"])(frames).clamp(0, 1)
            write_sheet(style.folder / "preview.jpg", [frames, image])


def main() -> None:
    """Draw a sheet, or the previews."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, nargs="?")
    parser.add_argument("pictures", type=Path, nargs="*")
    parser.add_argument("--width", type=int, default=400, help="width of one picture in the sheet")
    parser.add_argument("--columns", type=int, default=7)
    parser.add_argument("--variant", default="fast")
    parser.add_argument("--previews", action="store_true")
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    if args.previews:
        draw_previews()
        return
    if args.output is None or not args.pictures:
        parser.error("name the sheet and the pictures")
    drawn = sheet(args.pictures, args.width, args.columns, args.variant)
    cv2.imwrite(str(args.output), cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
