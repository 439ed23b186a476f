"""ffmpeg itself: finding it, running it, its encoders, its pixel formats."""
