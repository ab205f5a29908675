"""Whether this process can reach a Spark at all, told without starting anything."""

from importlib.util import find_spec

CONNECT = "sc://"


def why_unavailable(remote: str) -> str | None:
    """Return why there is no Spark to run on, with what to do about it; None when there is one to be tried."""
    if not remote:
        return (
            "This instance has no Spark to run on. Set DATALINX_SPARK_REMOTE to `sc://host:port` (Spark Connect) or to "
            "a master such as `spark://host:7077` or `local[2]`, or choose the engine duckdb."
        )
    needed = ("pyspark", "grpc", "pandas") if remote.startswith(CONNECT) else ("pyspark",)
    missing = [name for name in needed if find_spec(name) is None]
    if not missing:
        return None
    return (
        f"The engine spark needs packages that are not installed here ({', '.join(missing)}). Install "
        "`datalinx[server,spark]` on every server of the platform, or choose the engine duckdb."
    )
