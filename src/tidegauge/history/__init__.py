"""Samples remembered: blocks of integers in one SQLite file, coarser with age."""
