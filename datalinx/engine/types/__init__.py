"""Base and semantic types: check, normalise, detect, mask and PII class, one table of facts."""
