"""The demonstration: a real retailer's year, from files to answers and audiences, with the SDK alone.

Every number that it prints is compared with a plain DuckDB query over the same files, written by hand here.
"""
