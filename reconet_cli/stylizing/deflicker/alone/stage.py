"""The stage that takes out flicker by a plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reconet_cli.stylizing.deflicker.alone.correcting import corrected
from reconet_cli.stylizing.deflicker.alone.planning import Plan, Scene
from reconet_cli.stylizing.deflicker.alone.texture import TextureFilter
from reconet_cli.stylizing.stage import Stage
from reconet_cli.video.ffmpeg.pixels import Frame

# A frame in the right light, and its scene.
_Prepared = tuple[np.ndarray, Scene]


class PlannedStage(Stage):
    """Takes the flicker out of the frames that a plan was made for."""

    in_order = True

    def __init__(self, plan: Plan, strength: float) -> None:
        """`strength` in [0, 1]; 0 changes nothing."""
        self._plan = plan
        self._strength = strength
        self._scene: Scene | None = None
        self._filter = TextureFilter(0, 0)

    def prepare(self, source: Frame) -> _Prepared:
        """Correct light and color."""
        scene, logarithms = self._plan.at(source.time)
        return corrected(source.pixels, logarithms * self._strength), scene

    def apply(self, source: Frame, painted: Frame, prepared: _Prepared) -> Frame:
        """Carry texture along."""
        pixels, scene = prepared
        if scene is not self._scene:
            self._scene, self._filter = scene, TextureFilter(scene.texture * self._strength, scene.grain)
        return replace(painted, pixels=self._filter(pixels))
