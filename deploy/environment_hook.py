"""Runs first in what PyInstaller makes: other programs, ssh for one, are not to load its libraries.

The loader has read the variable when the process began; only children would still take it.
"""

import os

original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
os.environ.pop("LD_LIBRARY_PATH", None)
if original is not None:
    os.environ["LD_LIBRARY_PATH"] = original
