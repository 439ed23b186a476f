"""Every measure of `reconet evaluate` for styles on several clips, side by side.

    python benchmarks/coherence.py CLIP... --style weights/mosaic/fast.safetensors \
        --style runs/per-frame/fast.safetensors --picture examples/mosaic.jpg

Every style paints the same frames, reduced to --height, on the engine that is asked for; means are over the clips. The
first style is the one that others are compared with.
"""

from __future__ import annotations

import argparse
import statistics
from contextlib import closing
from itertools import islice
from pathlib import Path

from reconet_cli.engines import EngineOptions, LoadedStyle
from reconet_cli.evaluation.clip import SPANS, ClipScore, Evaluation, Evaluator
from reconet_cli.evaluation.measures.perception import Comparator
from reconet_cli.evaluation.painters import Painter, column_names
from reconet_cli.evaluation.tables import FLOOR
from reconet_cli.flow.clips.frames import open_frames
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.training.data.sources import style_picture

_COLUMNS = ("e_stab", *(f"t-{span}" for span in SPANS[1:]), "style", "content", "sharpness")


def measure(clip: Path, styles: list[str], comparator: Comparator, args: argparse.Namespace) -> Evaluation:
    """All measures of all styles on one clip."""
    network = EngineOptions(args.variant, args.engine, args.device, args.precision)
    painters = [Painter(LoadedStyle(style, network)) for style in styles]
    grams = [comparator.grams(style_picture(args.picture))] * len(styles) if args.picture else []
    evaluator = Evaluator(column_names([], styles), comparator=comparator, grams=grams)
    with closing(open_frames(clip).read(args.height)) as frames:
        for frame in islice(frames, args.frames):
            evaluator.add(frame.pixels, [paint(frame.pixels) for paint in painters])
    return evaluator.result


def numbers(clip: ClipScore) -> list[float]:
    """One row of the table."""
    return [*(clip.error(span) for span in SPANS), clip.style, clip.content, clip.sharpness]


def line(clip: str, style: str, values: list[float]) -> str:
    """A row as text."""
    return f"{clip[:27]:<28}{style[:20]:<21}" + "".join(f"{value:>10.4f}" for value in values)


def main() -> None:
    """Measure and print a table: a row a clip and style, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--style", action="append", required=True)
    parser.add_argument("--picture", type=Path, help="the style picture, if the styles share one")
    parser.add_argument("--loss-network", default="compact")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--height", type=int, default=360)
    for option in ("variant", "engine", "device", "precision"):
        parser.add_argument(f"--{option}", default="auto")
    args = parser.parse_args()
    comparator = Comparator(load_loss_network(args.loss_network))
    print(f"{'clip':<28}{'style':<21}" + "".join(f"{column:>10}" for column in _COLUMNS))
    rows: dict[str, list[list[float]]] = {}
    coverage = []
    for path in args.clips:
        found = measure(path, args.style, comparator, args)
        coverage.append(found.traced())
        for name, clip in [(FLOOR, found.source), *((clip.name, clip) for clip in found.painted)]:
            rows.setdefault(name, []).append(numbers(clip))
            print(line(path.stem, name, rows[name][-1]), flush=True)
    means = {name: [statistics.mean(column) for column in zip(*values, strict=True)] for name, values in rows.items()}
    for name, values in means.items():
        print(line("mean", name, values))
    print(f"pixels that could be traced: {statistics.mean(coverage):.0%}")
    first, *others = list(means)[1:]
    for name in others:
        shares = (f"{column} {b / a:.0%}" for column, a, b in zip(_COLUMNS, means[first], means[name], strict=True))
        print(f"{name} against {first}: {', '.join(shares)}")


if __name__ == "__main__":
    main()
