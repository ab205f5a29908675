"""Why the platform does not start."""


class Refusal(Exception):
    """Starting, or staying up, is not possible. The message is the one sentence that a person is told."""


class OtherKeys(Refusal):
    """The database was made with other keys than those that this start has just made."""
