"""reconet turns video into painted video without flicker (ReCoNet, arXiv 1807.01197)."""

__version__ = "0.1.0"
