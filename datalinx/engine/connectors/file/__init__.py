"""Files that people upload: CSV, TSV, JSON, JSON lines and Parquet."""
