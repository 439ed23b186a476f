"""Lay frames of clips below each other in one picture: a clip and its painted versions.

    python examples/sheet.py sheet.jpg examples/clip.mp4 mosaic.mp4 wave.mp4

One row a clip, at the same moments.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np


def frames_at(clip: Path, moments: list[float]) -> list[np.ndarray]:
    """The frames at some moments of a clip, 0 its beginning and 1 its end."""
    capture = cv2.VideoCapture(str(clip))
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    wanted = [round(moment * (count - 1)) for moment in moments]
    found = []
    for index in range(count):
        there, frame = capture.read()
        if not there:
            break
        if index in wanted:
            found.append(frame)
    capture.release()
    return found


def main() -> None:
    """Read the clips and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--columns", type=int, default=2)
    parser.add_argument("--width", type=int, default=640, help="width of one frame in the sheet")
    args = parser.parse_args()
    moments = [(column + 0.5) / args.columns for column in range(args.columns)]
    rows = []
    for clip in args.clips:
        frames = frames_at(clip, moments)
        height = round(frames[0].shape[0] * args.width / frames[0].shape[1])
        rows.append(np.hstack([cv2.resize(f, (args.width, height), interpolation=cv2.INTER_AREA) for f in frames]))
    cv2.imwrite(str(args.output), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
