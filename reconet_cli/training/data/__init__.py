"""What a run learns from: photographs, clips, data sets and procedural scenes, in pairs of frames."""
