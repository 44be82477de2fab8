"""Each of the known edge cases of engines has its test."""

import ast
import re
from pathlib import Path

CASES = 35


def test_every_case_has_its_test() -> None:
    """They are numbered 1 to 35, once each (a letter tells parts apart), and say what must hold."""
    numbers: set[int] = set()
    names: list[str] = []
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
                case := re.match(r"test_case_(\d\d)[a-z]?_", node.name)
            ):
                numbers.add(int(case[1]))
                names.append(case[0])
                assert ast.get_docstring(node), node.name

    assert numbers == set(range(1, CASES + 1))
    assert len(names) == len(set(names))
