"""From a style and an input to a painted output: the library's `stylize`, which the command calls as well."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

from reconet_cli.engines.kinds import Engine
from reconet_cli.engines.loaded_style import LoadedStyle
from reconet_cli.engines.people import people_file
from reconet_cli.errors import StyleError
from reconet_cli.stylizing.effects import Effects
from reconet_cli.stylizing.effects.curves import strength_of, transition_of
from reconet_cli.stylizing.effects.masks import PEOPLE, open_mask
from reconet_cli.stylizing.network import InParts, Network, after_network
from reconet_cli.stylizing.resume import paint_resumably
from reconet_cli.stylizing.resume.store import file_identity
from reconet_cli.stylizing.stage import Stage
from reconet_cli.stylizing.whole import Outcome, Progress, paint
from reconet_cli.system.identity import digest
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
    interruption. `progress(done, total)` is called after each frame; `total` is None if unknown. `encoding` takes the
    other fields of `reconet_cli.video.request.Request`, such as `codec`, `crf` or `sound`.

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
    return stylize_file(request, loaded, effects, resumable=resumable, progress=progress)


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
    progress: Progress | None = None,
) -> Outcome:
    """Paint what `request` names with one style or several; as `stylize`."""
    _check_effects(request, styles, effects)
    files = [str(file) for style in styles for file in style.files]
    files += [effects.mask_file] if effects.mask_file else []
    request = replace(request, columns=effects.columns, others=(*request.others, *files))
    show = progress or silent
    with ExitStack() as stack:

        def open_stages(
            height: int, width: int, sixteen_bit: bool, settled: Sequence[tuple[str, str]] | None = None
        ) -> tuple[list[Stage], Any]:
            engines = _engines(styles, height, width, sixteen_bit, settled)
            mask = None
            if effects.mask:
                opened = open_mask(effects.mask, (width, height), request.start, request.ffmpeg)
                mask = stack.enter_context(opened)
            network = Network(engines, effects.style_at)
            if mask and effects.in_parts and len(engines) == 2:
                network, mask = InParts(engines, mask), None
            stages: list[Stage] = [network, *after_network(effects, mask)]
            return stages, network.settled

        if resumable:
            return paint_resumably(request, open_stages, _identity(styles, effects), show)
        return paint(request, lambda height, width, sixteen_bit: open_stages(height, width, sixteen_bit)[0], show)


def _check_effects(request: Request, styles: Sequence[object], effects: Effects) -> None:
    if effects.transition and len(styles) != effects.transition[-1][1] + 1:
        count = int(effects.transition[-1][1])
        raise StyleError(f"{len(styles)} styles and {count} transitions", "each style but the first needs one")
    if not effects.transition and not 1 <= len(styles) <= 2:
        raise StyleError(f"{len(styles)} styles", "paint with one, blend two, or give a transition to each next one")
    if effects.moving and request.to_one_picture:
        raise StyleError(f"{request.output} is a picture, and the {effects.moving} changes with time", "paint a video")


def _engines(
    styles: Sequence[LoadedStyle],
    height: int,
    width: int,
    sixteen_bit: bool,
    settled: Sequence[tuple[str, str]] | None,
) -> list[Engine]:
    """The networks; `settled` has an earlier run's precisions, because `auto` may come to something else today."""
    engines = [style.engine(height, width, sixteen_bit=sixteen_bit) for style in styles]
    if settled:
        engines = [
            engine
            if engine.precision == precision
            else style.engine(height, width, sixteen_bit=sixteen_bit, precision=precision)
            for engine, style, (_, precision) in zip(engines, styles, settled, strict=True)
        ]
    return engines


def _identity(styles: Sequence[LoadedStyle], effects: Effects) -> dict[str, Any]:
    """What a painted frame depends on, apart from its source."""
    return {
        "style": [digest([path]) for style in styles for path in style.files],
        "effects": asdict(effects),
        "mask": _mask_identity(effects),
        "engine": [[style.options.engine, style.options.device, style.options.precision] for style in styles],
    }


def _mask_identity(effects: Effects) -> object:
    if effects.mask in PEOPLE:
        return digest([people_file()])
    return file_identity(Path(effects.mask_file)) if effects.mask_file else None
