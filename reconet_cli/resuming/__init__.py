"""Long work in segments that survive an interruption."""

from reconet_cli.resuming.run import stylize_resumably

__all__ = ["stylize_resumably"]
