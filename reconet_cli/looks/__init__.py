"""What is done with a network's picture before it is shown: blending, colours, masks, comparison."""

from reconet_cli.looks.looks import Looks
from reconet_cli.looks.painter import LooksPainter

__all__ = ["Looks", "LooksPainter"]
