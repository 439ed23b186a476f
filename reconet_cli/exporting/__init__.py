"""A style's network as a file for other runtimes, followed by a comparison of the pictures."""
