"""What an input is: size, rate, colors, tracks, tags and clocks."""
