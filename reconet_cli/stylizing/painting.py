"""Styles and effects together: the stages that paint a file, and what a painted frame depends on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from reconet_cli.engines.kinds import Engine
from reconet_cli.engines.loaded_style import LoadedStyle
from reconet_cli.engines.people import people_file
from reconet_cli.stylizing.effects import Effects
from reconet_cli.stylizing.effects.masks import PEOPLE, open_mask
from reconet_cli.stylizing.network import InParts, Network, after_network
from reconet_cli.stylizing.resume.store import file_identity
from reconet_cli.stylizing.stage import Stage
from reconet_cli.system.identity import digest


@dataclass(frozen=True)
class Painting:
    """Styles and effects for a file whose frames count from `start` (seconds); `ffmpeg` reads a mask that is a clip."""

    styles: Sequence[LoadedStyle]
    effects: Effects
    start: Fraction | None = None
    ffmpeg: str | None = None

    def stages(
        self,
        stack: ExitStack,
        height: int,
        width: int,
        sixteen_bit: bool,
        settled: Sequence[tuple[str, str]] | None = None,
    ) -> tuple[list[Stage], Any]:
        """The stages for frames of a size, and what the automatic choices came to: engines and precisions.

        `settled` is what they came to in an earlier run, which is kept to. `stack` closes what is opened.
        """
        engines = self._engines(height, width, sixteen_bit, settled)
        mask = None
        if self.effects.mask:
            mask = stack.enter_context(open_mask(self.effects.mask, (width, height), self.start, self.ffmpeg))
        network = Network(engines, self.effects.style_at)
        if mask and self.effects.in_parts and len(engines) == 2:
            network, mask = InParts(engines, mask), None
        return [network, *after_network(self.effects, mask)], network.settled

    def identity(self) -> dict[str, Any]:
        """What a painted frame depends on apart from its source, by topic (JSON values)."""
        effects = self.effects
        people = digest([people_file()]) if effects.mask in PEOPLE else None
        return {
            "style": [digest([path]) for style in self.styles for path in style.files],
            "effects": asdict(effects),
            "mask": people or (file_identity(Path(effects.mask_file)) if effects.mask_file else None),
            "engine": [[style.options.engine, style.options.device, style.options.precision] for style in self.styles],
        }

    def _engines(
        self, height: int, width: int, sixteen_bit: bool, settled: Sequence[tuple[str, str]] | None
    ) -> list[Engine]:
        engines = [style.engine(height, width, sixteen_bit=sixteen_bit) for style in self.styles]
        if settled:
            engines = [
                engine
                if engine.precision == precision
                else style.engine(height, width, sixteen_bit=sixteen_bit, precision=precision)
                for engine, style, (_, precision) in zip(engines, self.styles, settled, strict=True)
            ]
        return engines
