"""How near int8 comes to float: PSNR of painted frames in dB, the worst frame and the mean, for each style.

    python benchmarks/int8.py CLIP... [--style mosaic] [--frames 24]

Every frame is painted twice by OpenVINO, in int8 and in float32. Give clips that int8 was not calibrated on.
"""

from __future__ import annotations

import argparse
import statistics
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np

from reconet_cli.engines import Engine, load_engine
from reconet_cli.engines.openvino.quantize import peak_signal_to_noise
from reconet_cli.flow.clips.frames import open_frames
from reconet_cli.styles.finding import list_styles


def read(clip: Path, count: int, short_side: int) -> list[np.ndarray]:
    """The first frames of a clip."""
    with closing(open_frames(clip).read(short_side)) as frames:
        return [frame.pixels for frame in islice(frames, count)]


def load(style: str, variant: str, shape: tuple[int, ...], precision: str) -> Engine:
    """A style on OpenVINO for frames of one shape."""
    return load_engine(
        style, variant=variant, height=shape[0], width=shape[1], backend="openvino", device="cpu", precision=precision
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--style", action="append", help="only these styles")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--height", type=int, default=360, help="shorter side of the frames")
    args = parser.parse_args()
    clips = [read(clip, args.frames, args.height) for clip in args.clips]
    print(f"{'':<24}{'worst frame, dB':>16}{'mean, dB':>10}   ({len(clips)} clips, {args.frames} frames each)")
    for style in list_styles():
        if args.style and style.name not in args.style:
            continue
        for variant in style.variants:
            found: list[float] = []
            for frames in clips:
                exact, rounded = (load(style.name, variant, frames[0].shape, p) for p in ("fp32", "int8"))
                found += [peak_signal_to_noise(exact(frame), rounded(frame)) for frame in frames]
            name = f"{style.name} {variant}"
            print(f"{name:<24}{min(found):>16.1f}{statistics.fmean(found):>10.1f}", flush=True)


if __name__ == "__main__":
    main()
