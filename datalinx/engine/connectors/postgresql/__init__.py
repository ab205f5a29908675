"""PostgreSQL, for now as a destination: tables are delivered into a schema of a database."""
