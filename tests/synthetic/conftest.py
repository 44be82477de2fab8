"""The engine in C where there is a compiler, and its twin in Python anywhere."""

import pytest
from synthetic.running import SyntheticEngine

from fakes.made_up import Opened, compiled, simulated


@pytest.fixture(params=[pytest.param("C", marks=pytest.mark.synthetic), "Python"])
def opened(request, tmp_path, require) -> Opened:
    """Opens an engine in which a story is about to happen."""
    if request.param == "Python":
        return lambda story: simulated(tmp_path, story)
    require(SyntheticEngine)
    return compiled
