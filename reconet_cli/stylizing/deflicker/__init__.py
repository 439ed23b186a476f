"""Less flicker without training: brush strokes are carried along with the clip's motion."""

from reconet_cli.stylizing.deflicker.deflicker import Deflicker
from reconet_cli.stylizing.deflicker.stage import ClipDeflickerStage, DeflickerStage

__all__ = ["ClipDeflickerStage", "Deflicker", "DeflickerStage"]
