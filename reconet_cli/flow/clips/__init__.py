"""Optical flow of whole clips and folders of frames: read, estimate in processes, write."""
