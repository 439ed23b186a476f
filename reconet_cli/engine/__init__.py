"""Loaded styles that map uint8 frames to uint8 frames."""

from reconet_cli.engine.load import Engine, load_engine

__all__ = ["Engine", "load_engine"]
