"""Video in, painted video out: the stages that a frame goes through, on threads, and whole files, parts and folders."""
