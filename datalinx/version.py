"""The version of Datalinx, and of what its workers share, in a module of its own so that reading it imports nothing."""

__version__ = "0.1.0"

# The format of what a run carries with it. Whoever changes it so that an older worker would do the run wrongly adds
# one: during an update such a worker leaves the newer runs to the newer workers.
RUN_PROTOCOL = 1
