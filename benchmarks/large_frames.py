"""Large frames: memory and time.

    python benchmarks/large_frames.py --style mosaic --size 3840x2160 --size 7680x4320

Every measurement is a process of its own that paints one frame, after a first start has put the converted network into
the cache. Memory is the process's peak (Linux and macOS).
"""

from __future__ import annotations

import argparse
import subprocess
import sys

_PAINT = """
import resource, sys, time
import cv2, numpy as np
from reconet_cli.engines import load_engine
style, variant, precision, width, height = sys.argv[1:]
size = int(width), int(height)
noise = np.random.default_rng(0).integers(0, 256, (size[1] // 24, size[0] // 24, 3), dtype=np.uint8)
frame = cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
engine = load_engine(style, variant=variant, precision=precision, height=size[1], width=size[0])
before, start = time.process_time(), time.monotonic()
engine(frame)
print(time.monotonic() - start, time.process_time() - before, end=" ")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
print(peak, engine.precision)
"""


def paint(style: str, variant: str, precision: str, size: tuple[str, str]) -> list[str]:
    """Paint one frame in a process of its own: seconds, CPU seconds, peak in MiB, precision."""
    options = [style, variant, precision, *size]
    done = subprocess.run([sys.executable, "-c", _PAINT, *options], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.split()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--style", default="mosaic")
    parser.add_argument("--variant", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--size", action="append", required=True, help="for example 3840x2160; repeatable")
    args = parser.parse_args()
    print("| size | precision | peak, MiB | s a frame | CPU s |\n|---|---|---|---|---|")
    for size in args.size:
        width, height = size.split("x")
        for _ in range(2):  # the first start converts
            seconds, cpu, peak, precision = paint(args.style, args.variant, args.precision, (width, height))
        print(f"| {size} | {precision} | {float(peak):.0f} | {float(seconds):.2f} | {float(cpu):.1f} |", flush=True)


if __name__ == "__main__":
    main()
