"""From a style and an input to a painted output: the library's `stylize`, which the command calls as well."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from os import PathLike, fspath
from typing import Any, Literal

from reconet_cli.engines.loaded_style import LoadedStyle
from reconet_cli.errors import StyleError
from reconet_cli.stylizing.cluster.options import ClusterOptions
from reconet_cli.stylizing.cluster.session import Session
from reconet_cli.stylizing.effects import Effects
from reconet_cli.stylizing.effects.curves import strength_of, transition_of
from reconet_cli.stylizing.effects.masks import open_mask
from reconet_cli.stylizing.painting import Painting
from reconet_cli.stylizing.resume import paint_resumably
from reconet_cli.stylizing.whole import Outcome, Progress, paint
from reconet_cli.system.silence import silent
from reconet_cli.training.learning import AnyStyle, Learning, load_styles
from reconet_cli.video.conversion import check_conversion
from reconet_cli.video.open_video import Number, exact
from reconet_cli.video.request import Request


def stylize(
    source: str | PathLike[str],
    output: str | PathLike[str],
    *,
    style: AnyStyle | Sequence[AnyStyle],
    deflicker: bool | float = False,
    strength: float | Sequence[tuple[Number, float]] = 1.0,
    keep_color: bool = False,
    mask: str | None = None,
    compare: Literal["side", "split"] | None = None,
    mix: float = 0.0,
    transition: tuple[Number, Number] | Sequence[tuple[Number, Number]] | None = None,
    size: tuple[int, int] | None = None,
    scale: Number | None = None,
    fps: Number | None = None,
    start: Number | None = None,
    duration: Number | None = None,
    resumable: bool = False,
    cluster: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **encoding: Any,
) -> Outcome:
    """Paint a video or a picture and write it to `output`; the extension sets the format.

    `style` is a name, a file, a picture to learn (see `load_style`) or a loaded style. Pass several to combine them:
    `mix`, in [0, 1], is the share of the second of two; `transition` is a pair (start, end) in seconds during which the
    second replaces the first. For more than two styles, `transition` is a list of pairs, one for each change.

    `deflicker`, in [0, 1], carries brush strokes along with the motion. `strength`, in [0, 1], is how much of the
    painting shows; a list of points (seconds, strength) changes it over time, linearly between points. `keep_color`
    keeps the colors of the input. `mask` limits painting to the white parts of a picture or clip, to a color
    (`#rrggbb`), to people (`person`) or to what is behind them (`background`). With one of the last two, a second style
    without `mix` or `transition` paints everything else. `compare` shows the input next to the result.

    `size` is (width, height) in pixels, `scale` a factor on the input's size, `fps` a new constant frame rate. `start`
    and `duration` are seconds of the input. `resumable` saves progress, so that the same call picks up after an
    interruption. `cluster` does the same on many machines: it paints a video in segments on the workers of a Dask
    cluster, which is `local:4` (four processes on this machine), a scheduler's address or file, or
    `slurm:queue=gpu,workers=64`. `progress(done, total)` is called after each frame; `total` is None if unknown.
    `encoding` takes the other fields of `reconet_cli.video.request.Request`, such as `codec`, `crf` or `sound`.

    The output keeps sound, subtitles, chapters and the time of every frame; anything that its format can't hold is
    logged. Raises `ReconetError`, and never leaves an incomplete file under the output's name.

    >>> import reconet_cli as reconet
    >>> outcome = reconet.stylize("in.mp4", "out.mp4", style="mosaic", deflicker=True)
    >>> outcome.frames
    25
    """
    request = Request(
        fspath(source), fspath(output), size, exact(scale), exact(fps), exact(start), exact(duration),
        overwrite=overwrite, **encoding,
    )  # fmt: skip
    effects = Effects(
        strength_of(strength), keep_color, mask, compare, mix, transition_of(transition), float(deflicker)
    )
    styles = [style] if isinstance(style, AnyStyle) else list(style)
    _check_effects(request, styles, effects)
    learning = Learning(
        clips=(request.input,), start=request.start, duration=request.duration, ffmpeg=request.ffmpeg,
        ready=lambda: check_stylizing(request, effects),
    )  # fmt: skip
    loaded = load_styles(styles, learning=learning)
    options = ClusterOptions(cluster) if cluster else None
    return stylize_file(request, loaded, effects, resumable=resumable, cluster=options, progress=progress)


def check_stylizing(request: Request, effects: Effects) -> None:
    """Raise what would keep `stylize_file` from beginning, whatever the styles are, without reading an input's frames.

    Raises `ReconetError`.
    """
    others = (*request.others, *([effects.mask_file] if effects.mask_file else []))
    check_conversion(replace(request, columns=effects.columns, others=others))
    if effects.mask:
        with open_mask(effects.mask, (16, 16), request.start, request.ffmpeg):
            pass


def stylize_file(
    request: Request,
    styles: Sequence[LoadedStyle],
    effects: Effects,
    *,
    resumable: bool = False,
    cluster: ClusterOptions | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Paint what `request` names with one style or several; as `stylize`."""
    request, painting = _ready(request, styles, effects)
    show = progress or silent
    if cluster:
        from reconet_cli.stylizing.cluster import paint_on_cluster

        return paint_on_cluster(request, painting, cluster, show)
    with ExitStack() as stack:
        if resumable:
            return paint_resumably(request, partial(painting.stages, stack), painting.identity(), show)
        return paint(request, lambda *size: painting.stages(stack, *size)[0], show)


def stylizing_steps(
    request: Request,
    styles: Sequence[LoadedStyle],
    effects: Effects,
    session: Session,
    progress: Progress,
    *,
    films: int,
) -> Generator[list[Any], None, Outcome]:
    """`stylize_file` on a cluster in steps, for one of `films` at the same time; see `painting_steps`."""
    from reconet_cli.stylizing.cluster import painting_steps

    return (yield from painting_steps(*_ready(request, styles, effects), session, progress, films=films))


def _ready(request: Request, styles: Sequence[LoadedStyle], effects: Effects) -> tuple[Request, Painting]:
    """The request with all files that must stay, and what paints it. Raises `StyleError`."""
    _check_effects(request, styles, effects)
    files = [str(file) for style in styles for file in style.files]
    files += [effects.mask_file] if effects.mask_file else []
    request = replace(request, columns=effects.columns, others=(*request.others, *files))
    return request, Painting(styles, effects, request.start, request.ffmpeg)


def _check_effects(request: Request, styles: Sequence[object], effects: Effects) -> None:
    if effects.transition and len(styles) != effects.transition[-1][1] + 1:
        count = int(effects.transition[-1][1])
        raise StyleError(f"{len(styles)} styles and {count} transitions", "each style but the first needs one")
    if not effects.transition and not 1 <= len(styles) <= 2:
        raise StyleError(f"{len(styles)} styles", "paint with one, blend two, or give a transition to each next one")
    if effects.moving and request.to_one_picture:
        raise StyleError(f"{request.output} is a picture, and the {effects.moving} changes with time", "paint a video")
