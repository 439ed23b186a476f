"""Optical flow between two frames."""

from reconet_cli.flow.estimate import METHODS, estimate_flow

__all__ = ["METHODS", "estimate_flow"]
