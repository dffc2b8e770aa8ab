"""The examples of docs/python.md run."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "python.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)


def test_the_examples_for_numpy_run():
    blocks = [block for block in BLOCKS if "steepest.numpy" in block]
    assert len(blocks) == 1
    exec(blocks[0], {})


def test_the_examples_for_torch_run():
    pytest.importorskip("torch", reason="torch is not installed")
    blocks = [block for block in BLOCKS if "steepest.torch" in block]
    assert len(blocks) == 2
    exec("\n".join(blocks), {})
