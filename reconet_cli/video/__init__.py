"""Video in and out through ffmpeg: `open_video` is the way in, a job is an input with its output; never torch."""
