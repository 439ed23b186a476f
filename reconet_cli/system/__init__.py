"""What the operating system needs care with: files, folders, caches, processors, signals, and pictures as files."""
