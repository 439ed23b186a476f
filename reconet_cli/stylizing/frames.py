"""Frames in, painted frames out, one after the other: for programs that do something else with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from reconet_cli.engines.loaded_style import LoadedStyle
from reconet_cli.stylizing.effects import Effects
from reconet_cli.stylizing.effects.curves import strength_of
from reconet_cli.stylizing.network import after_network
from reconet_cli.stylizing.stage import through
from reconet_cli.training.learning import load_styles
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.open_video import Number


def stylize_frames(
    frames: Iterable[Frame],
    style: str | Path | LoadedStyle,
    *,
    deflicker: bool | float = False,
    strength: float | Sequence[tuple[Number, float]] = 1.0,
    keep_color: bool = False,
) -> Iterator[Frame]:
    """Paint frames one at a time, as you ask for them. Each keeps its time and its alpha channel.

    Arguments as in `stylize`. Raises `ReconetError`.

    >>> import reconet_cli as reconet
    >>> with reconet.open_video("in.mp4") as video:
    ...     for frame in reconet.stylize_frames(video, "mosaic"):
    ...         shape = frame.pixels.shape
    >>> shape
    (64, 96, 3)
    """
    loaded = load_styles([style])[0]
    stages = after_network(Effects(strength_of(strength), keep_color, deflicker=float(deflicker)))
    for source in frames:
        yield through(stages, source, replace(source, pixels=loaded(source.pixels)))
