"""The engine on PyTorch, for every device."""
