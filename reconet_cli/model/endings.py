"""The endings of files that paint."""

# What `reconet export` writes and an engine can run; `register_engine` adds to them. Such files cannot be trained.
EXPORTED = [".onnx", ".xml"]
