"""What Spark's failures mean: a cluster that went away may come back, a mapping that is too large will not fit."""

from datalinx import errors

_GONE = (
    "Py4JNetworkError",
    "Answer from Java side is empty",
    "Connection refused",
    "Connection reset",
    "SparkContext was shut down",
    "stopped SparkContext",
    "No active SparkContext",
    "StatusCode.UNAVAILABLE",
    "failed to connect to all addresses",
    "SESSION_CLOSED",
    "SESSION_NOT_FOUND",
    "OPERATION_NOT_FOUND",
    "ExecutorLostFailure",
    "MetadataFetchFailed",
    "All masters are unresponsive",
    "Master removed our application",
    "Spark cluster looks down",
    "Could not parse Master URL",
)
_FULL = ("OutOfMemoryError", "Java heap space", "GC overhead limit", "No space left on device")
_UNSEEN = (
    "FAILED_READ_FILE",
    "PATH_NOT_FOUND",
    "FileNotFoundException",
    "Mkdirs failed",
    "Permission denied",
)


def translated(error: BaseException) -> BaseException:
    """Return the error in our words, without what a plan or a value could hold; ours stay as they are."""
    if isinstance(error, errors.DatalinxError) or not isinstance(error, Exception):
        return error
    text = f"{type(error).__name__}: {error}"
    name = _name(error)
    if isinstance(error, ConnectionError | EOFError) or any(word in text for word in _GONE):
        return unavailable(name)
    if any(word in text for word in _FULL):
        message = (
            "The table needs more memory or disk than Spark has; give its executors more, or read less at once with "
            "a cursor."
        )
        return errors.Failed("MEMORY_EXCEEDED", message, details={"engine": name})
    if any(word in text for word in _UNSEEN):
        message = (
            "Spark could not read or write a file of the run. Every machine of the cluster must see the platform's "
            "home and storage under the same path, and may write there."
        )
        return errors.Failed("FILE_UNREADABLE", message, details={"engine": name})
    message = (
        "The engine could not run the mapping. This is a fault of the platform: report it with the details."
    )
    return errors.Failed("ENGINE_ERROR", message, details={"engine": name})


def unavailable(detail: str) -> errors.Unavailable:
    """Return the error of a Spark that does not answer."""
    message = (
        "Spark does not answer. The run is taken up again later; check the cluster and DATALINX_SPARK_REMOTE."
    )
    return errors.Unavailable("ENGINE_UNAVAILABLE", message, details={"engine": detail})


def is_gone(error: BaseException) -> bool:
    """Whether the Spark that was spoken to is not there any more."""
    return isinstance(error, errors.Unavailable)


def _name(error: BaseException) -> str:
    """What kind of failure it was: never its text, in which values and addresses stand."""
    condition = getattr(error, "getCondition", None)
    try:
        found = condition() if condition is not None else None
    except Exception:
        found = None
    return f"{type(error).__name__} {found}" if found else type(error).__name__
