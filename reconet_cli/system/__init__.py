"""What the operating system needs care with: files, folders, processors, signals, and pictures as files."""
