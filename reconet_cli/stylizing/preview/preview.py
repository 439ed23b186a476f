"""From a clip to a sheet of its moments: the library's `preview`, which the command calls as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from fractions import Fraction
from os import PathLike, fspath
from pathlib import Path

import numpy as np

from reconet_cli.engines.load import load_engine
from reconet_cli.engines.loaded_style import LoadedStyle
from reconet_cli.errors import MediaError, ReconetError, StyleError
from reconet_cli.styles.finding import list_styles
from reconet_cli.stylizing.effects import Effects, EffectsStage
from reconet_cli.stylizing.effects.masks import open_mask
from reconet_cli.stylizing.network import Network
from reconet_cli.stylizing.preview.sheet import Row, draw_sheet
from reconet_cli.stylizing.preview.speed import seconds_for
from reconet_cli.stylizing.stage import through
from reconet_cli.system.files import replacing
from reconet_cli.system.pictures import sheet_format
from reconet_cli.system.silence import silent
from reconet_cli.training.learning import AnyStyle, load_styles
from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.open_video import Number, exact, open_video
from reconet_cli.video.probing.source import PICTURE_SUFFIXES
from reconet_cli.video.reading.glimpses import glimpses
from reconet_cli.video.request import PIPE, Request
from reconet_cli.video.writing.target import check_target

# Frames are painted with a shorter side of at most so many pixels: a dozen styles should take seconds.
_SHORT_SIDE = 360
_PATIENCE = 10.0  # seconds until all moments are found
_VARIED = ("strength", "mix")


@dataclass(frozen=True)
class Shown:
    """A row of a preview: its label, and the estimated seconds for the whole clip (None: unknown)."""

    label: str
    seconds: float | None


@dataclass(frozen=True)
class _Choice:
    """What one row is painted with."""

    label: str
    styles: list[LoadedStyle]
    effects: Effects

    @property
    def cost(self) -> tuple[object, ...]:
        """Rows that are alike in this take equally long."""
        return tuple(style.path.name for style in self.styles), self.effects.deflicker, bool(self.effects.mask)


def preview(
    source: str | PathLike[str],
    output: str | PathLike[str],
    *,
    styles: Sequence[AnyStyle] | None = None,
    vary: tuple[str, Sequence[float]] | None = None,
    effects: Effects | None = None,
    moments: int = 4,
    start: Number | None = None,
    duration: Number | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Shown]:
    """Paint a few moments of a clip in many styles into one picture (JPEG, PNG or WebP), `output`.

    `styles` are as in `stylize`, all that there are by default. `vary` compares settings of one style instead of
    styles: `("strength", [0.3, 0.6, 1])`, or of a blend of two: `("mix", [0.2, 0.5])`. `moments` frames are spread over
    the input from `start` on for `duration` seconds. Frames are painted with a shorter side of at most 360 pixels, so
    in larger clips strokes are finer than in the preview. `progress(done, total)` is called after each painted frame.

    Returns a row a style or setting, with the estimated seconds for the whole clip on this machine, found by painting
    some frames of it. Raises `ReconetError`.

    >>> import reconet_cli as reconet
    >>> rows = reconet.preview("in.mp4", "sheet.jpg", styles=["mosaic", "wave"], moments=2)
    >>> [row.label for row in rows]
    ['mosaic', 'wave']
    """
    target, name = Path(output), fspath(source)
    _check(target, name, overwrite, moments)
    choices = _choices(styles, vary, effects or Effects())
    request = Request(name, PIPE, start=exact(start), duration=exact(duration))
    frames = _moments(request, moments)
    show = progress or silent
    painted: list[list[np.ndarray]] = []
    total = len(choices) * len(frames)
    for choice in choices:
        painted.append([])
        for frame in _painted(choice, frames):
            painted[-1].append(frame)
            show(sum(len(row) for row in painted), total)
    shown = _estimated(request, choices)
    rows = [Row(row.label, _time_text(row.seconds), made) for row, made in zip(shown, painted, strict=True)]
    with replacing(target, MediaError) as part:
        draw_sheet([Row("original", "", frames), *rows]).save(part, sheet_format(target, MediaError), quality=88)
    return shown


def _check(target: Path, source: str, overwrite: bool, moments: int) -> None:
    sheet_format(target, MediaError)
    if source == PIPE:
        raise MediaError("a preview needs a file, because it looks at moments all over the clip", "save it first")
    if moments < 1:
        raise MediaError(f"{moments} moments", "show at least one")
    check_target(target, overwrite=overwrite)


def _choices(
    styles: Sequence[AnyStyle] | None, vary: tuple[str, Sequence[float]] | None, effects: Effects
) -> list[_Choice]:
    if effects.mask_file and Path(effects.mask_file).suffix.lower() not in PICTURE_SUFFIXES:
        raise MediaError(f"{effects.mask_file} is no picture", "a preview takes a picture or a color key as the mask")
    names = list(styles) if styles is not None else [style.name for style in list_styles()]
    loaded = load_styles(names)
    if vary is None:
        return [_Choice(style.name, [style], effects) for style in loaded]
    setting, values = vary
    if setting not in _VARIED or not values or not all(0 <= value <= 1 for value in values):
        raise StyleError(f"cannot vary {setting}", f"vary {' or '.join(_VARIED)}, each from 0 to 1")
    if len(loaded) != (2 if setting == "mix" else 1):
        raise StyleError(f"{len(loaded)} styles with a varied {setting}", "vary strength of one style, mix of two")
    return [_Choice(f"{setting} {value:g}", loaded, _with(effects, setting, value)) for value in values]


def _with(effects: Effects, setting: str, value: float) -> Effects:
    return replace(effects, mix=value) if setting == "mix" else replace(effects, strength=value)


def _moments(request: Request, count: int) -> list[np.ndarray]:
    with open_video(request.input) as video:
        short_side = min(_SHORT_SIDE, *video.size)
        count = 1 if video.info.is_picture else count
    found = glimpses(
        find_ffmpeg(None), request.input, count, short_side,
        start=request.start, duration=request.duration, patience=_PATIENCE,
    )  # fmt: skip
    if not found:
        raise MediaError(f"no frame of {request.input} could be read", "is it a file, and is --start in it?")
    return [frame for frame in found if frame.shape == found[0].shape]


def _painted(choice: _Choice, frames: list[np.ndarray]) -> list[np.ndarray]:
    height, width = frames[0].shape[:2]
    # PyTorch has painted so few frames before a faster engine is ready.
    engines = [
        load_engine(str(style.path), height=height, width=width, backend="torch", precision="fp32")
        for style in choice.styles
    ]
    network = Network(engines, choice.effects.style_at)
    opened = open_mask(choice.effects.mask, (width, height), None, None) if choice.effects.mask else nullcontext()
    with opened as mask:
        stages = [network, EffectsStage(choice.effects, mask)]
        sources = [Frame(frame, Fraction(0), Fraction(1)) for frame in frames]
        return [through(stages, source, source).pixels for source in sources]


def _estimated(request: Request, choices: list[_Choice]) -> list[Shown]:
    known: dict[tuple[object, ...], float | None] = {}
    for choice in choices:
        if choice.cost not in known:
            known[choice.cost] = _seconds(request, choice)
    return [Shown(choice.label, known[choice.cost]) for choice in choices]


def _seconds(request: Request, choice: _Choice) -> float | None:
    """The time for the clip by the engine that would paint it; None also where that cannot be found out."""
    try:
        return seconds_for(request, choice.styles, choice.effects)
    except ReconetError:
        return None


def _time_text(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s for the whole clip"
    minutes = round(seconds / 60)
    whole = f"{minutes} min" if minutes < 90 else f"{seconds / 3600:.1f} h"
    return f"about {whole} for the whole clip"
