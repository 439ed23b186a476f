"""Frames out of ffmpeg, and keeping up with a live source."""
