"""The measures of painted frames, each a function of pixels."""
