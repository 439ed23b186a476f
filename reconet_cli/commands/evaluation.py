"""What `reconet evaluate` does: open and paint, measure, print and write."""

from __future__ import annotations

import json as json_format
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
from torch import Tensor

from reconet_cli import console
from reconet_cli.errors import EvaluationError, FlowError
from reconet_cli.evaluation import published, records, report, tables
from reconet_cli.evaluation.clip import Evaluation, Evaluator
from reconet_cli.evaluation.pairing import ORIGINAL, check_lengths, together
from reconet_cli.evaluation.perception import Judge
from reconet_cli.evaluation.temporal import estimate_trace
from reconet_cli.evaluation.truth import evaluate_truth, fitted, is_sintel, papers_scenes
from reconet_cli.flow.datasets import open_dataset
from reconet_cli.flow.estimate import check_method
from reconet_cli.flow_jobs.frames import Frames, open_frames
from reconet_cli.media.target import Target
from reconet_cli.model.styles import EXPORTED, find_style

# Pairs of each painted clip that a page shows.
_WORST = 3


class Outputs:
    """The files that are asked for; they appear under their names when they are complete."""

    def __init__(self, json: Path | None, csv: Path | None, html: Path | None, *, overwrite: bool) -> None:
        self.json_to_stdout = json == Path("-")
        paths = {"json": None if self.json_to_stdout else json, "csv": csv, "html": html}
        self._paths = {kind: path for kind, path in paths.items() if path}
        self._overwrite = overwrite
        self._targets: dict[str, Target] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Outputs:
        with ExitStack() as stack:
            for kind, path in self._paths.items():
                self._targets[kind] = stack.enter_context(Target(path, overwrite=self._overwrite))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    @property
    def wants_page(self) -> bool:
        """Whether pictures are needed."""
        return "html" in self._targets

    def show(self, found: Sequence[tables.Table], record: Callable[[], dict[str, Any]]) -> None:
        """Print tables, or the record as JSON."""
        if self.json_to_stdout:
            click.echo(_json(record()))
        else:
            click.echo("\n\n".join(table.text() for table in found))

    def write(self, makers: dict[str, Callable[[], str]]) -> None:
        """Write each file that is asked for with its maker's text."""
        for kind, target in self._targets.items():
            target.part.write_text(makers[kind](), encoding="utf-8")
            target.commit()
            console.note(f"{kind}: {target.path}")


def _json(record: dict[str, Any]) -> str:
    return json_format.dumps(record, indent=1, allow_nan=False) + "\n"


class StylePainter:
    """A style as a function from frames to frames of any size, with a stopwatch."""

    def __init__(self, style: str, options: dict[str, Any]) -> None:
        self._style = style
        self._network = {name: options[name] for name in ("variant", "device", "precision")}
        self._backend = options["engine"]
        self._engines: dict[tuple[int, int], Any] = {}
        self._seconds = 0.0
        self._count = 0

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint an RGB uint8 frame."""
        height, width = frame.shape[:2]
        if (height, width) not in self._engines:
            from reconet_cli.engine import load_engine

            engine = load_engine(self._style, height=height, width=width, backend=self._backend, **self._network)
            if not self._engines:
                console.note(engine.description)
            self._engines[height, width] = engine
            engine(frame)  # the first one is slow: it is no part of the rate
        began = time.perf_counter()
        painted: np.ndarray = self._engines[height, width](frame)
        self._seconds += time.perf_counter() - began
        self._count += 1
        return painted

    @property
    def rate(self) -> float:
        """Frames a second, painted one after the other."""
        return self._count / self._seconds


def measure_clips(
    clips: Sequence[Path], styles: Sequence[str], pictures: Sequence[Path], options: dict[str, Any], outputs: Outputs
) -> None:
    """Measure painted clips, and styles on the original."""
    check_method(options["method"])
    names = column_names([str(clip) for clip in clips[1:]], styles)
    opened = [_open(clip) for clip in clips]
    if len(opened) > 1:
        # First, because measuring takes long, and would be for nothing.
        check_lengths(
            dict(zip([ORIGINAL, *names], (_count(frames, options["frames"]) for frames in opened), strict=False))
        )
    painters = [StylePainter(style, options) for style in styles]
    judge, grams = _judge(options, pictures, len(clips) - 1, styles)
    evaluator = Evaluator(
        names,
        tracer=partial(estimate_trace, method=options["method"]),
        judge=judge,
        grams=grams,
        worst=_WORST if outputs.wants_page else 0,
    )
    with ExitStack() as stack:
        original, *others = (stack.enter_context(_reading(frames, options)) for frames in opened)
        painted = dict(zip(names, others, strict=False))
        with _progress("measuring", opened[0].total, options["frames"], "frame") as advance:
            for frame, paintings in together(original, painted):
                evaluator.add(frame, [*paintings, *(paint(frame) for paint in painters)])
                advance()
    for clip, paint in zip(evaluator.result.painted[len(others) :], painters, strict=True):
        clip.rate = paint.rate
    for frames in opened:
        for sentence in frames.notes:
            console.note(sentence)
    _report_clips(evaluator.result, str(clips[0]), judge, options, outputs)


def _report_clips(
    found: Evaluation, original: str, judge: Judge | None, options: dict[str, Any], outputs: Outputs
) -> None:
    about = {"original": original, "flow": options["method"], "loss_network": judge.name if judge else None}

    def record() -> dict[str, Any]:
        return {"about": about, **records.clip_record(found)}

    outputs.show(tables.clip_tables(found), record)
    facts = {key.replace("_", " "): value or "none" for key, value in about.items()}
    outputs.write(
        {
            "json": lambda: _json(record()),
            "csv": lambda: records.clip_csv(found),
            "html": lambda: report.clip_page(found, facts),
        }
    )


def _open(clip: Path) -> Frames:
    try:
        return open_frames(clip)
    except FlowError as problem:
        raise EvaluationError(problem.message, "name clips, or folders of pictures") from problem


def _count(frames: Frames, most: int | None) -> int:
    with closing(frames.read()) as read, _progress("counting", frames.total, most, "frame") as advance:
        count = 0
        for _ in islice(read, most):
            count += 1
            advance()
    return count


def column_names(clips: Sequence[str], styles: Sequence[str]) -> list[str]:
    """Short names for painted clips and styles, whole ones where short ones are not distinct."""
    whole = [*clips, *styles]
    short = [Path(name).name for name in clips]
    short += ["/".join(Path(name).parts[-2:]).removesuffix(".safetensors") for name in styles]
    names = [s if short.count(s) == 1 else w for s, w in zip(short, whole, strict=True)]
    if len(set(names)) < len(names):
        raise EvaluationError(f"{max(names, key=names.count)} is named twice", "name every clip and style once")
    return names


@contextmanager
def _reading(frames: Frames, options: dict[str, Any]) -> Iterator[Iterator[np.ndarray]]:
    with closing(frames.read()) as read:
        yield (fitted(frame.pixels, options["size"]) for frame in islice(read, options["frames"]))


def _judge(
    options: dict[str, Any], pictures: Sequence[Path], clips: int, styles: Sequence[str]
) -> tuple[Judge | None, list[list[Tensor] | None]]:
    """Who looks, and the Gram matrices of each column's style picture."""
    if options["loss_network"] == "none":
        return None, []
    from reconet_cli.model.loss_files import load_loss_network

    judge = Judge(load_loss_network(options["loss_network"]))
    if not pictures:
        return judge, []
    from reconet_cli.training.run import style_picture

    scales = [1.0] * clips + [_style_scale(style, options["variant"]) for style in styles]
    chosen = list(pictures) * (len(scales) // len(pictures))
    return judge, [judge.grams(style_picture(path, scale)) for path, scale in zip(chosen, scales, strict=True)]


def _style_scale(style: str, variant: str) -> float:
    """How large the style's picture was when the style was learnt."""
    from reconet_cli.model.weights import read_metadata

    path = find_style(style, variant)
    if path.suffix in EXPORTED:
        return 1.0
    return float(read_metadata(path)["recipe"].get("settings", {}).get("style_scale", 1.0))


@contextmanager
def _progress(what: str, total: int | None, most: int | None, unit: str) -> Iterator[Callable[[], None]]:
    expected = min((n for n in (total, most) if n), default=None)
    with console.progress(what, expected, unit) as bar:
        yield lambda: bar.advance(bar.task_ids[0])


def measure_truth(folder: Path, styles: Sequence[str], options: dict[str, Any], outputs: Outputs) -> None:
    """Measure styles on a data set with true flow."""
    pairs = papers_scenes(open_dataset(folder).pairs)
    sintel = all(is_sintel(pair) for pair in pairs)
    size = options["size"] or (published.SIZE if sintel else None)
    names = column_names([], styles)
    painters = {name: StylePainter(style, options) for name, style in zip(names, styles, strict=True)}
    with _progress("measuring", len(pairs), None, "pair") as advance:
        scenes = evaluate_truth(pairs, painters, size, advance)
    rates = {name: paint.rate for name, paint in painters.items()}
    shown = f"{size[0]}x{size[1]}" if size else "the frames' own size"
    title = f"{', '.join(dict.fromkeys(pair.layout for pair in pairs))}, {len(pairs)} pairs, true flow, {shown}"
    table = tables.truth_table(title, scenes, rates, published=sintel)

    def record() -> dict[str, Any]:
        return {"about": {"folder": str(folder), "size": size, "flow": "true"}, **records.truth_record(scenes, rates)}

    outputs.show([table], record)
    outputs.write(
        {
            "json": lambda: _json(record()),
            "csv": lambda: records.truth_csv(scenes, names),
            "html": lambda: report.truth_page(table, scenes, names, {"data set": str(folder)}),
        }
    )
