"""Where video comes from: files, series of pictures, addresses, cameras and pipes."""
