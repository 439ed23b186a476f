"""What is done with a network's picture before it is shown: colors, strength, masks, comparison."""

from reconet_cli.stylizing.effects.stage import Effects, EffectsStage

__all__ = ["Effects", "EffectsStage"]
