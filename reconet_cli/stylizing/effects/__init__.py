"""What is done with a network's picture before it is shown: colors, strength, masks, comparison."""

from reconet_cli.stylizing.effects.settings import Effects
from reconet_cli.stylizing.effects.stage import EffectsStage

__all__ = ["Effects", "EffectsStage"]
