"""A clip with less flicker: by the clip that it was painted from, or by itself alone."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from reconet_cli.stylizing.deflicker.alone.clip import deflicker_alone
from reconet_cli.stylizing.deflicker.stage import ClipDeflickerStage
from reconet_cli.stylizing.stage import Stage
from reconet_cli.stylizing.whole import Outcome, Progress, paint
from reconet_cli.system.silence import silent
from reconet_cli.video.request import Request

log = logging.getLogger("reconet")


def deflicker(
    clip: str | PathLike[str],
    output: str | PathLike[str],
    *,
    original: str | PathLike[str] | None = None,
    strength: float = 1.0,
    overwrite: bool = False,
    progress: Progress | None = None,
    **encoding: Any,
) -> Outcome:
    """Remove flicker from a clip and write the result to `output`.

    If you pass the `original` that the clip was painted from, brush strokes are carried along with its motion; the two
    must have the same frames. Without it, flicker of brightness, color and fine texture is measured in the clip itself
    and removed, while motion, cuts, flashes and fades stay. `strength`, in [0, 1], is how much is removed.
    `progress(done, total)` is called after each frame; `total` is None if unknown. A clip without an original is read
    twice, and each pass counts from 0. `encoding` takes fields of `reconet_cli.video.request.Request`, such as `codec`,
    `crf` or `sound`.

    Sound and frame times come from the clip. Raises `ReconetError`, and never leaves an incomplete file under the
    output's name.

    >>> import reconet_cli as reconet
    >>> reconet.deflicker("in.mp4", "out.mp4").frames
    25
    """
    request = Request(fspath(clip), fspath(output), overwrite=overwrite, **encoding)
    show = progress or silent
    return deflicker_file(request, None if original is None else Path(original), strength, show, show)


def deflicker_file(
    request: Request, original: Path | None, strength: float, measuring: Progress, writing: Progress
) -> Outcome:
    """Take the flicker out of the clip that `request` names; as `deflicker`, with the progress of both readings."""
    # Texture moves by parts of a pixel: blocks of one chroma would be carried about as such.
    request = replace(request, smooth=True)
    if original is None:
        return deflicker_alone(request, strength, measuring, writing)
    return _by_original(replace(request, others=(*request.others, str(original))), original, strength, writing)


def _by_original(request: Request, original: Path, strength: float, progress: Progress) -> Outcome:
    with ExitStack() as stack:
        opened: list[ClipDeflickerStage] = []

        def open_stages(height: int, width: int, sixteen_bit: bool) -> list[Stage]:
            stage = ClipDeflickerStage(original, (width, height), strength, request.ffmpeg)
            opened.append(stack.enter_context(stage))
            return [stage]

        outcome = paint(request, open_stages, progress)
        if opened[0].surplus():
            log.info(f"{original} goes on after the last frame of {request.input}: are they the same clip?")
        return outcome
