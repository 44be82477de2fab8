"""Marks this folder as a root for imports, so that tests share `recorded`."""
