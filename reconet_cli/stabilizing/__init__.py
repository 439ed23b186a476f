"""Steadiness without training: a painting is carried along with its clip's motion."""

from reconet_cli.stabilizing.stabilizer import Stabilizer

__all__ = ["Stabilizer"]
