"""What `reconet evaluate` does: open and paint, measure, print and write."""

from __future__ import annotations

import json as json_format
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
from reconet_cli.commands.evaluated_styles import column_names, painters
from reconet_cli.errors import EvaluationError, FlowError
from reconet_cli.evaluation import published, records, report, tables
from reconet_cli.evaluation.clip import Evaluation, Evaluator
from reconet_cli.evaluation.pairing import ORIGINAL, check_lengths, together
from reconet_cli.evaluation.perception import Judge
from reconet_cli.evaluation.temporal import estimate_trace
from reconet_cli.evaluation.truth import evaluate_truth, fitted, is_sintel, papers_scenes
from reconet_cli.files import keep_apart
from reconet_cli.flow.datasets import open_dataset
from reconet_cli.flow.estimate import check_method
from reconet_cli.flow_jobs.frames import Frames, open_frames
from reconet_cli.media.target import Target
from reconet_cli.model.styles import EXPORTED, find_style

# Pairs of each painted clip that a page shows.
_WORST = 3


class Outputs:
    """The files that are asked for; they appear under their names when they are complete, and never replace `inputs`.

    Raises EvaluationError where two are the same, or one is an input; MediaError where one cannot be written.
    """

    def __init__(
        self, json: Path | None, csv: Path | None, html: Path | None, inputs: Sequence[Path], *, overwrite: bool
    ) -> None:
        self.json_to_stdout = json == Path("-")
        paths = {"json": None if self.json_to_stdout else json, "csv": csv, "html": html}
        self._paths = {kind: path for kind, path in paths.items() if path}
        self._inputs = inputs
        self._overwrite = overwrite
        self._targets: dict[str, Target] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Outputs:
        keep_apart(self._paths.values(), self._inputs, EvaluationError)
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
            # Names of files need not be text.
            target.part.write_text(makers[kind](), encoding="utf-8", errors="backslashreplace")
            target.commit()
            console.note(f"{kind}: {target.path}")


def _json(record: dict[str, Any]) -> str:
    return json_format.dumps(record, indent=1, allow_nan=False) + "\n"


def measure_clips(
    clips: Sequence[Path], styles: Sequence[str], pictures: Sequence[Path], options: dict[str, Any], outputs: Outputs
) -> None:
    """Measure painted clips, and styles on the original."""
    check_method(options["method"])
    names = column_names([str(clip) for clip in clips[1:]], styles)
    files, named = names[: len(clips) - 1], names[len(clips) - 1 :]
    # Blocks of one chroma that a painted file is stored in are not its flicker; no player shows them.
    opened = [_open(clips[0], smooth=False), *(_open(clip, smooth=True) for clip in clips[1:])]
    if files:
        # First, because measuring takes long, and would be for nothing.
        counts = (_count(frames, options["frames"]) for frames in opened)
        check_lengths(dict(zip([ORIGINAL, *files], counts, strict=True)))
    painting = painters(named, styles, options)
    judge, grams = _judge(options, pictures, len(files), styles)
    evaluator = Evaluator(
        [*files, *painting],
        tracer=partial(estimate_trace, method=options["method"]),
        judge=judge,
        grams=grams,
        worst=_WORST if outputs.wants_page else 0,
    )
    with ExitStack() as stack:
        original, *others = (stack.enter_context(_reading(frames, options)) for frames in opened)
        painted = dict(zip(files, others, strict=True))
        with _progress("measuring", opened[0].total, options["frames"], "frame") as advance:
            for frame, paintings in together(original, painted):
                evaluator.add(frame, [*paintings, *(paint(frame) for paint in painting.values())])
                advance()
    for clip in evaluator.result.painted[len(files) :]:
        clip.rate = painting[clip.name].rate
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


def _open(clip: Path, *, smooth: bool) -> Frames:
    try:
        return open_frames(clip, smooth=smooth)
    except FlowError as problem:
        raise EvaluationError(problem.message, "name clips, or folders of pictures") from problem


def _count(frames: Frames, most: int | None) -> int:
    with closing(frames.read()) as read, _progress("counting", frames.total, most, "frame") as advance:
        count = 0
        for _ in islice(read, most):
            count += 1
            advance()
    return count


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
    grams = [judge.grams(style_picture(path, scale)) for path, scale in zip(chosen, scales, strict=True)]
    repeated = 2 if options["deflicker"] else 1
    return judge, [*grams[:clips], *(gram for gram in grams[clips:] for _ in range(repeated))]


def _style_scale(style: str, variant: str) -> float:
    """How large the style's picture was when the style was learnt."""
    from reconet_cli.model.weights import read_metadata

    path = find_style(style, variant)
    if path.suffix.lower() in EXPORTED:
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
    painting = painters(column_names([], styles), styles, options)

    def restart() -> None:
        for painter in painting.values():
            painter.restart()

    with _progress("measuring", len(pairs), None, "pair") as advance:
        scenes = evaluate_truth(pairs, painting, size, on_pair=advance, on_cut=restart)
    rates = {name: painter.rate for name, painter in painting.items()}
    shown = f"{size[0]}x{size[1]}" if size else "the frames' own size"
    title = f"{', '.join(dict.fromkeys(pair.layout for pair in pairs))}, {len(pairs)} pairs, true flow, {shown}"
    table = tables.truth_table(title, scenes, rates, published=sintel)

    def record() -> dict[str, Any]:
        return {"about": {"folder": str(folder), "size": size, "flow": "true"}, **records.truth_record(scenes, rates)}

    outputs.show([table], record)
    outputs.write(
        {
            "json": lambda: _json(record()),
            "csv": lambda: records.truth_csv(scenes, list(rates)),
            "html": lambda: report.truth_page(table, scenes, list(rates), {"data set": str(folder)}),
        }
    )
