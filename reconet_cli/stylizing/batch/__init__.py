"""Many inputs: which, under what names, in which order, and what became of each."""
