"""The engine on OpenVINO, the fastest on CPUs."""
