"""A painted clip, with less flicker, by the clip that it was painted from."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path

from reconet_cli.stylizing.deflicker.stage import ClipDeflickerStage
from reconet_cli.stylizing.stage import Stage
from reconet_cli.stylizing.whole import Outcome, Progress, paint
from reconet_cli.video.request import Request

log = logging.getLogger("reconet")


def deflicker_clip(original: Path, request: Request, strength: float, progress: Progress) -> Outcome:
    """Take the flicker out of the painted clip that `request` names; as `paint`."""
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
