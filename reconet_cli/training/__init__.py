"""Learning a style: data, losses, steps, checkpoints and previews."""
