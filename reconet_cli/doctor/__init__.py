"""What this installation is made of, what of it works, and what to do about the rest."""
