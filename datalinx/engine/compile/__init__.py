"""From a document to a plan: one tree gives the SQL that runs, the dbt SQL and the lineage."""
