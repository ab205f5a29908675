"""The Spark dialect: expressions and queries of the compiler, which are DuckDB's, as Spark SQL of the same meaning."""

from datalinx.engine.compile.spark.kinds import spark_type
from datalinx.engine.compile.spark.queries import lower, lower_query, spark_text

SESSION = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.parser.doubleQuotedIdentifiers": "false",
    "spark.sql.caseSensitive": "true",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
}
"""The settings of a session that the texts rely on."""

__all__ = ["SESSION", "lower", "lower_query", "spark_text", "spark_type"]
