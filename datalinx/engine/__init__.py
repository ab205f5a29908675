"""The engine: plain values in, plain values out. No Django, no clock, no settings."""
