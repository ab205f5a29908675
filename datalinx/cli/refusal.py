"""The exit codes, and the refusal that a command itself gives.

0 done · 1 failed, a failed run too · 2 wrong usage · 3 not signed in, or not allowed · 4 not found · 5 breaks a
rule or clashes · 6 too many calls · 7 the server or the connection · 130 interrupted
"""

FAILED, USAGE, DENIED, MISSING, INVALID, LIMITED, UNREACHABLE, INTERRUPTED = 1, 2, 3, 4, 5, 6, 7, 130

NO_WORKSPACE = "Name the workspace: --workspace NAME, DATALINX_WORKSPACE, or `datalinx workspaces use NAME`."


class Refusal(Exception):
    """A command that cannot go on, in one sentence, with the exit code that it ends with."""

    def __init__(self, message: str, exit_code: int = USAGE) -> None:
        super().__init__(message)
        self.exit_code = exit_code
