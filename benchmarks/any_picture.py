"""Any picture as a style: how soon it paints a clip, and how much better it would become with more time.

    python benchmarks/any_picture.py --paintings PAINTINGS --clip CLIP... --measured-by squeezenet.npz --longer 5m

Each picture is a style for each clip, as somebody would do it who has never used it: a first look, then as much longer
as `--longer` says, for some of the clips. Beside it stands `reconet train` for `--steps` steps without data, with the
loss network that comes along. A few frames of each clip are measured as in `benchmarks/styles.py`. Without `--picture`,
ten paintings are taken that `weights/base/learn.py` holds out. Runs are kept in `--work`, so that the command can be
stopped and run again. Seconds mean something on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from first_look import look, steps
from styles import Entry, measure
from without_data import row, trained

from reconet_cli.evaluation.measures.perception import Comparator
from reconet_cli.flow.clips.frames import open_frames
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.weights import load_weights
from reconet_cli.training.data.sources import PICTURES, find_files, read_picture, style_picture

sys.path.insert(0, str(Path(__file__).parents[1] / "weights" / "base"))
from learn import held_out  # type: ignore[import-not-found]

_COUNT = 10
_MEASURED = ("style", "structure", "tone", "e_stab")
_WIDTHS = (8, 11, 7, 8)
# What a first look should reach: so much of the style distance and temporal error of a training, and these values.
_STYLE, _ERROR, _STRUCTURE, _TONE = 1.10, 1.20, 0.80, 0.95
# Of a style picture and a clip: a list in the order of `_MEASURED`.
Measures = dict[tuple[Path, Path], list[float]]


@dataclass(frozen=True)
class Timing:
    """What learning and painting took: seconds to the first frame and to the end, and all steps so far."""

    first: float
    end: float
    steps: int


def learned(picture: Path, clip: Path, work: Path, longer: str | None) -> tuple[Path, Timing]:
    """What the command learns at first sight, or after `longer` more; what is in `work` is not done again."""
    folder = work / f"{picture.stem}-{clip.stem}"
    weights, facts = (folder / f"{longer or 'first'}.{ending}" for ending in ("safetensors", "json"))
    if not facts.exists():
        if not longer:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        first, end, _ = look(clip, picture, folder, ["--learn", longer] if longer else [])
        (kept,) = folder.glob("styles/*/fast.safetensors")
        shutil.copyfile(kept, weights)
        facts.write_text(json.dumps(asdict(Timing(first, end, steps(folder)))))
    return weights, Timing(**json.loads(facts.read_text()))


def measured(weights: dict[tuple[Path, Path], Path], comparator: Comparator, args: argparse.Namespace) -> Measures:
    """The measures of some weights by picture and clip."""
    found: Measures = {}
    for (picture, clip), file in weights.items():
        entry = Entry(picture.stem, load_weights(file), comparator.grams(style_picture(picture)))
        (score,) = measure(clip, [entry], comparator, args)
        style = score.style
        assert style is not None
        found[picture, clip] = [style, score.structure, score.tone, score.error()]
    return found


def means(rows: list[list[float]]) -> list[float]:
    """Column by column."""
    return [statistics.mean(column) for column in zip(*rows, strict=True)]


def reached(first: list[float], full: list[float]) -> list[bool]:
    """Which aims the measures of a first look reach beside those of a training."""
    return [first[0] <= _STYLE * full[0], first[1] >= _STRUCTURE, first[2] >= _TONE, first[3] <= _ERROR * full[3]]


def by_picture(measures: Measures) -> dict[Path, list[float]]:
    """The means over clips."""
    return {p: means([row for (of, _), row in measures.items() if of == p]) for p, _ in measures}


def print_table(found: dict[str, Measures], timings: dict[tuple[Path, Path], Timing]) -> None:
    """A line for each picture, their means, what they reach, and what they are beside the last column's training."""
    print(f"{'':<12}{'first':>9}{'end':>9}{'steps':>7}" + "".join(f"  {kind:^34}" for kind in found))
    print(
        " " * 37 + "".join("  " + "".join(f"{n:>{w}}" for n, w in zip(_MEASURED, _WIDTHS, strict=True)) for _ in found)
    )
    columns = [by_picture(measures) for measures in found.values()]
    table = []
    for picture in columns[0]:
        times = [timing for (of, _), timing in timings.items() if of == picture]
        line = [statistics.mean(getattr(time, name) for time in times) for name in ("first", "end", "steps")]
        table.append(line + [number for column in columns for number in column[picture]])
        print_line(picture.stem, table[-1])
    print_line("mean", means(table))
    met = [reached(first, columns[-1][picture]) for picture, first in columns[0].items()]
    aims = (f"style <= {_STYLE}x", f"structure >= {_STRUCTURE}", f"tone >= {_TONE}", f"e_stab <= {_ERROR}x")
    for aim, column in zip(aims, zip(*met, strict=True), strict=True):
        print(f"{aim:<18} reached by {sum(column)} of {len(met)} at first sight")
    *kinds, training = found
    for kind in kinds:
        ratios = [[a / b for a, b in zip(row, found[training][pair], strict=True)] for pair, row in found[kind].items()]
        parts = (f"{name} {ratio:.3f}" for name, ratio in zip(_MEASURED, means(ratios), strict=True))
        print(f"{kind} / {training}, same pictures and clips: " + ", ".join(parts))


def print_line(name: str, line: list[float]) -> None:
    """A line of the table."""
    first, end, count, *rest = line
    groups = [rest[start : start + len(_MEASURED)] for start in range(0, len(rest), len(_MEASURED))]
    cells = ["  " + "".join(f"{v:>{w}.3f}" for v, w in zip(group, _WIDTHS, strict=True)) for group in groups]
    print(f"{name[:12]:<12}{first:>7.1f} s{end:>7.1f} s{count:>7.0f}" + "".join(cells), flush=True)


def sheet(weights: dict[tuple[Path, Path], Path], args: argparse.Namespace) -> np.ndarray:
    """A row for each picture: the picture, and a frame of each clip painted after a first look; BGR."""
    frames = {}
    for clip in args.clip:
        read = open_frames(clip).read(args.height)
        frames[clip] = [frame.pixels for frame, _ in zip(read, range(args.skip + 1), strict=False)][-1]
    rows: dict[Path, list[np.ndarray]] = {}
    for (picture, clip), file in weights.items():
        images = rows.setdefault(picture, [_on_page(read_picture(picture, args.height))])
        images.append(Entry("", load_weights(file), None).paint(frames[clip]))
    return np.vstack([row(images) for images in rows.values()])[..., ::-1]


def _on_page(picture: np.ndarray) -> np.ndarray:
    """A picture in the middle of a white page of 4:3."""
    height, width = picture.shape[:2]
    tall = max(height, -(-width * 3 // 4))
    page = np.full((tall, max(width, tall * 4 // 3), 3), 255, np.uint8)
    top, left = (page.shape[0] - height) // 2, (page.shape[1] - width) // 2
    page[top : top + height, left : left + width] = picture
    return page


def main() -> None:
    """Learn what is missing, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, action="append")
    parser.add_argument("--paintings", type=Path, help="the folder that learn.py was given")
    parser.add_argument("--clip", type=Path, action="append", required=True)
    parser.add_argument("--longer", help="such as 5m")
    parser.add_argument("--longer-clips", type=int, default=1, help="so many of the clips are learned longer")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--measured-by", default="compact")
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--skip", type=int, default=12, help="frames left out at the beginning of each clip")
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--work", type=Path, default=Path("runs/any-picture"))
    parser.add_argument("--only", choices=["looks", "trainings"], help="learn these and measure nothing")
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    kept_out = held_out(find_files([args.paintings], PICTURES)) if args.paintings else []
    pictures = args.picture or kept_out[:: max(1, len(kept_out) // _COUNT)][:_COUNT]
    looks = [] if args.only == "trainings" else [(p, c) for p in pictures for c in args.clip]
    first = {pair: learned(*pair, args.work, None) for pair in looks}
    some = [(p, c) for p, c in looks if args.longer and c in args.clip[: args.longer_clips]]
    longer = {pair: learned(*pair, args.work, args.longer) for pair in some}
    if args.only == "looks":
        return
    full = {picture: trained(picture, "compact", args.steps, args.work) for picture in pictures}
    if args.only == "trainings":
        return
    torch.set_grad_enabled(False)
    comparator = Comparator(load_loss_network(args.measured_by))
    weights = {pair: file for pair, (file, _) in first.items()}
    found = {"first look": measured(weights, comparator, args)}
    if longer:
        found[f"{args.longer} more"] = measured({pair: file for pair, (file, _) in longer.items()}, comparator, args)
    found[f"{args.steps} steps"] = measured({(p, c): full[p] for p, c in looks}, comparator, args)
    print(f"{len(args.clip)} clips, {args.frames} frames each; style by {comparator.name}")
    print_table(found, {pair: timing for pair, (_, timing) in first.items()})
    if args.sheet:
        cv2.imwrite(str(args.sheet), sheet(weights, args), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
