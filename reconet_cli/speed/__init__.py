"""How fast a style is on this machine, and what it waits for."""
