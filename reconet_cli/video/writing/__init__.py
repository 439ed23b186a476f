"""Frames into files and pipes, and what of the source goes with them."""
