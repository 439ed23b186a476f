"""The stages behind the network."""

from __future__ import annotations

from reconet_cli.stylizing.deflicker import Deflicker, DeflickerStage
from reconet_cli.stylizing.effects import Effects, EffectsStage
from reconet_cli.stylizing.effects.masks import Mask
from reconet_cli.stylizing.stage import Stage


def after_network(effects: Effects, mask: Mask | None = None) -> list[Stage]:
    """Deflicker, where it is asked for, and effects."""
    stages: list[Stage] = [DeflickerStage(Deflicker(effects.deflicker))] if effects.deflicker else []
    return [*stages, EffectsStage(effects, mask)]
