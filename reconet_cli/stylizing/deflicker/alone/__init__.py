"""Flicker of light and color, taken out of one clip without an original: measured along the motion, smoothed over time."""
