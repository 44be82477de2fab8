"""Tidegauge: see what your Docker containers do, at one sample a second, without gaps."""

__version__ = "0.1.0"
