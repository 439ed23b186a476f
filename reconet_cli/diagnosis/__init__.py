"""What is installed and works (`reconet doctor`), and how fast it is (`reconet bench`)."""
