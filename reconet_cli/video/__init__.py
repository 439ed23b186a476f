"""Video in and out through ffmpeg: `open_video` is the way in, a plan says what becomes of an input; never torch."""
