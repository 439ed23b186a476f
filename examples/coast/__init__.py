"""The scene of the example clip; ``examples/render_clip.py`` films it."""
