"""Less flicker in one clip alone: changes of light and color are measured along the motion and smoothed."""
