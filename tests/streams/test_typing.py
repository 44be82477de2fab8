"""A miswired drawing is refused by both type checkers, on the line where the mistake is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DRAWINGS = Path(__file__).parent / "typing" / "drawings.py"
CHECKERS = {
    "mypy": [sys.executable, "-m", "mypy", "--strict", "--no-error-summary"],
    "pyright": [sys.executable, "-m", "pyright", "--pythonpath", sys.executable],
}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("checker", CHECKERS)
def test_exactly_the_miswired_lines_are_refused(checker):
    """Every line marked as refused is an error, and no other line is."""
    lines = DRAWINGS.read_text().splitlines()
    refused = {number for number, line in enumerate(lines, 1) if "# refused" in line}
    assert len(refused) > 10

    done = subprocess.run(
        [*CHECKERS[checker], str(DRAWINGS)], capture_output=True, text=True, check=False
    )

    found = re.findall(r"drawings\.py:(\d+)(?::\d+)?\s*[-:] error", done.stdout)
    assert {int(number) for number in found} == refused, done.stdout + done.stderr
