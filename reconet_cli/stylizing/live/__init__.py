"""A camera, file or stream painted in a window, where keys change what is seen."""

from reconet_cli.stylizing.live.live import LiveOptions, live

__all__ = ["LiveOptions", "live"]
