"""The `datalinx` command: a thin user of the SDK. Nothing here imports Django or the engine."""
