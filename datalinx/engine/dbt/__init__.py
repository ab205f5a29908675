"""What dbt projects say of their sources: read from their YAML, and matched with tables that were discovered."""
