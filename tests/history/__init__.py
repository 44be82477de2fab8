"""The history, on real files."""
