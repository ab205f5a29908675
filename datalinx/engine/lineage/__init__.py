"""Lineage: which columns stand behind which, from sources through target tables to whoever reads those."""
