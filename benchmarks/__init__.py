"""Benchmarks: ours and others side by side on one input, with equal output. `python -m benchmarks [B1 …]`."""
