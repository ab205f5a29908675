"""Reading the stored tables: a user's SQL in a child process with kernel limits, and the platform's own reads.

`run.py` is the door for a user's SQL, `rows.py` the one for trusted reads. This file imports nothing, so
that the warm server (`server.py`) starts with only what it needs.
"""
