"""Open or paint clips, and measure them: the library's `evaluate`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from os import PathLike
from pathlib import Path

import numpy as np
from torch import Tensor

from reconet_cli.engines.loaded_style import LoadedStyle, as_loaded
from reconet_cli.errors import EvaluationError, FlowError
from reconet_cli.evaluation import published
from reconet_cli.evaluation.clip import Evaluator
from reconet_cli.evaluation.measures.perception import Comparator
from reconet_cli.evaluation.measures.temporal import estimate_trace
from reconet_cli.evaluation.painters import Painter, column_names, painters
from reconet_cli.evaluation.reports import ClipReport, TruthReport
from reconet_cli.evaluation.truth import evaluate_pairs, fitted, is_sintel, papers_scenes
from reconet_cli.flow import estimate_flow
from reconet_cli.flow.clips.frames import Frames, open_frames
from reconet_cli.flow.datasets import open_dataset
from reconet_cli.flow.estimate import check_method
from reconet_cli.model.endings import EXPORTED
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.weights import read_metadata
from reconet_cli.system.silence import silent
from reconet_cli.training.data.sources import style_picture

log = logging.getLogger("reconet")

# Called with what is being done, how far it is, and of how many (None: unknown).
Progress = Callable[[str, int, int | None], None]
Place = str | PathLike[str]


ORIGINAL = "the original"
_FEWEST = 2


def together(
    source: Iterable[np.ndarray], painted: Mapping[str, Iterable[np.ndarray]]
) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Each source frame with the painted clips' frames of the same index.

    Raises `EvaluationError` at the end where the numbers of frames differ or are below two.
    """
    names = [ORIGINAL, *painted]
    clips = [iter(clip) for clip in (source, *painted.values())]
    count = 0
    while True:
        frames = [next(clip, None) for clip in clips]
        there = [frame for frame in frames if frame is not None]
        if len(there) < len(frames):
            break
        yield there[0], there[1:]
        count += 1
    rests = (frame is not None and 1 + sum(1 for _ in clip) for frame, clip in zip(frames, clips, strict=True))
    check_lengths({name: count + rest for name, rest in zip(names, rests, strict=True)})


def check_lengths(counts: Mapping[str, int]) -> None:
    """Raise `EvaluationError` unless all numbers of frames, by the clips' names, are the same and two or more."""
    fewest = min(counts.values())
    if fewest < max(counts.values()):
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise EvaluationError(
            f"the clips differ in their number of frames: {listed}",
            f"frames are paired by their index; --frames {fewest} measures the common beginning",
        )
    if fewest < _FEWEST:
        raise EvaluationError(
            f"there {'is a single frame' if fewest else 'are no frames'}", "flicker needs two or more"
        )


@dataclass(frozen=True)
class _Scope:
    """Which part of clips is measured: the first frames, at one size."""

    frames: int | None
    size: tuple[int, int] | None

    def expected(self, total: int | None) -> int | None:
        return min((number for number in (total, self.frames) if number), default=None)

    @contextmanager
    def read(self, clip: Frames) -> Iterator[Iterator[np.ndarray]]:
        with closing(clip.read()) as frames:
            yield (fitted(frame.pixels, self.size) for frame in islice(frames, self.frames))


def evaluate(
    original: Place,
    painted: Sequence[Place] = (),
    *,
    styles: Sequence[str | LoadedStyle] = (),
    deflicker: float = 0.0,
    style_pictures: Sequence[Place] = (),
    method: str = "dis-medium",
    loss_network: str | None = "compact",
    size: tuple[int, int] | None = None,
    frames: int | None = None,
    worst: int = 0,
    progress: Progress | None = None,
) -> ClipReport:
    """Measure how much painted clips flicker and how much of the original they keep.

    Clips are videos or folders of pictures and are compared frame by frame. `styles` are styles to paint the original
    with and measure as well; with `deflicker` in (0, 1], each is measured a second time without flicker.
    `style_pictures` (one for all, or one for each) add the style distance. `method` estimates the flow; `loss_network`
    (a name, a file or None) compares style and content. `size` (width, height) resizes the frames, `frames` limits how
    many are measured, and `worst` keeps that many of the worst pairs of each clip as pictures for the HTML report.
    `progress(what, done, total)` reports progress.

    Raises `EvaluationError` if sizes or frame counts differ, and other `ReconetError`s.

    >>> import reconet_cli as reconet
    >>> report = reconet.evaluate("in.mp4", styles=["mosaic"], frames=3, loss_network=None)
    >>> 0 < report.clips[0].error() < 1
    True
    """
    show = progress or silent
    scope = _Scope(frames, size)
    check_method(method)
    if not painted and not styles:
        raise EvaluationError(f"nothing to compare {original} with", "name painted clips, or styles to paint it with")
    names = column_names([str(clip) for clip in painted], [_called(style) for style in styles])
    files, named = names[: len(painted)], names[len(painted) :]
    # Blocks of one chroma that a painted file is stored in are not its flicker; no player shows them.
    opened = [_open(Path(original), smooth=False), *(_open(Path(clip), smooth=True) for clip in painted)]
    if files:
        # First, because measuring takes long, and would be for nothing.
        counts = (_count(clip, scope, show) for clip in opened)
        check_lengths(dict(zip([ORIGINAL, *files], counts, strict=True)))
    loaded = [as_loaded(style) for style in styles]
    painting = painters(dict(zip(named, loaded, strict=True)), deflicker)
    comparator = Comparator(load_loss_network(loss_network)) if loss_network else None
    evaluator = Evaluator(
        [*files, *painting],
        tracer=partial(estimate_trace, method=method),
        flow=partial(estimate_flow, method=method),
        comparator=comparator,
        grams=_grams(comparator, style_pictures, len(files), loaded, 2 if deflicker else 1),
        worst=worst,
    )
    _measure(evaluator, opened, dict(zip(files, opened[1:], strict=True)), painting, scope, show)
    for score in evaluator.result.painted[len(files) :]:
        score.rate = painting[score.name].rate
    for clip in opened:
        for sentence in clip.notes:
            log.info(sentence)
    return ClipReport(str(original), method, comparator.name if comparator else None, evaluator.result)


def _measure(
    evaluator: Evaluator,
    opened: Sequence[Frames],
    files: dict[str, Frames],
    painting: dict[str, Painter],
    scope: _Scope,
    show: Progress,
) -> None:
    with ExitStack() as stack:
        original = stack.enter_context(scope.read(opened[0]))
        painted = {name: stack.enter_context(scope.read(clip)) for name, clip in files.items()}
        expected = scope.expected(opened[0].total)
        show("measuring", 0, expected)
        for count, (frame, paintings) in enumerate(together(original, painted), 1):
            evaluator.add(frame, [*paintings, *(paint(frame) for paint in painting.values())])
            show("measuring", count, expected)


def evaluate_truth(
    folder: Place,
    styles: Sequence[str | LoadedStyle],
    *,
    deflicker: float = 0.0,
    size: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> TruthReport:
    """Temporal errors of styles on a data set with true flow: for MPI Sintel the paper's table, at 640x360.

    Raises `FlowError` where the folder is no such data set.
    """
    show = progress or silent
    pairs = papers_scenes(open_dataset(Path(folder)).pairs)
    sintel = all(is_sintel(pair) for pair in pairs)
    size = size or (published.SIZE if sintel else None)
    names = column_names([], [_called(style) for style in styles])
    loaded = [as_loaded(style) for style in styles]
    painting = painters(dict(zip(names, loaded, strict=True)), deflicker)

    def restart() -> None:
        for painter in painting.values():
            painter.restart()

    scenes = evaluate_pairs(
        pairs, painting, size, on_pair=lambda done: show("measuring", done, len(pairs)), on_cut=restart
    )
    shown = f"{size[0]}x{size[1]}" if size else "the frames' own size"
    title = f"{', '.join(dict.fromkeys(pair.layout for pair in pairs))}, {len(pairs)} pairs, true flow, {shown}"
    rates = {name: painter.rate for name, painter in painting.items()}
    return TruthReport(str(folder), size, title, scenes, rates, sintel)


def _called(style: str | LoadedStyle) -> str:
    return style.asked if isinstance(style, LoadedStyle) else style


def _open(clip: Path, *, smooth: bool) -> Frames:
    try:
        return open_frames(clip, smooth=smooth)
    except FlowError as problem:
        raise EvaluationError(problem.message, "name clips, or folders of pictures") from problem


def _count(clip: Frames, scope: _Scope, show: Progress) -> int:
    count, expected = 0, scope.expected(clip.total)
    with closing(clip.read()) as read:
        for _ in islice(read, scope.frames):
            count += 1
            show("counting", count, expected)
    return count


def _grams(
    comparator: Comparator | None,
    pictures: Sequence[Place],
    clips: int,
    styles: Sequence[LoadedStyle],
    columns: int,
) -> list[list[Tensor] | None]:
    """The Gram matrices of the style picture of each column, a style having one or two `columns`."""
    if not pictures or comparator is None:
        return []
    scales = [1.0] * clips + [_style_scale(style.path) for style in styles]
    chosen = list(pictures) * (len(scales) // len(pictures))
    grams = [comparator.grams(style_picture(Path(path), scale)) for path, scale in zip(chosen, scales, strict=True)]
    return [*grams[:clips], *(gram for gram in grams[clips:] for _ in range(columns))]


def _style_scale(weights: Path) -> float:
    """How large the style's picture was when the style was learned."""
    if weights.suffix.lower() in EXPORTED:
        return 1.0
    return float(read_metadata(weights)["recipe"].get("settings", {}).get("style_scale", 1.0))
