"""Long work in segments that survive an interruption."""

from reconet_cli.stylizing.resume.run import paint_resumably

__all__ = ["paint_resumably"]
