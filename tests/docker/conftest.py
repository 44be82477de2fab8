"""A fake engine for what no real one can be made to do."""

import pytest

from fakes.engine import FakeEngine


@pytest.fixture
async def engine(tmp_path):
    async with FakeEngine(tmp_path / "s") as fake:
        yield fake
