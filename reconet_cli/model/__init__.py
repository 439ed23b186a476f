"""The core model package: network, layers, losses, loss networks and weights files."""
