"""The type stubs are those of the registry, and they are Python."""

import ast
import importlib.util
from pathlib import Path

import steepest.numpy as sn

ROOT = Path(__file__).parent.parent


def test_stubs_are_not_stale():
    spec = importlib.util.spec_from_file_location("stubs", ROOT / "stubs.py")
    stubs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stubs)
    for name, text in stubs.stubs().items():
        assert (ROOT / "python" / "steepest" / name).read_text() == text, f"{name} is stale: run `python stubs.py`"


def test_stubs_say_what_there_is():
    for name in ["torch.pyi", "numpy.pyi", "_steepest.pyi"]:
        tree = ast.parse((ROOT / "python" / "steepest" / name).read_text())
        found = {node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
        if name == "numpy.pyi":
            assert set(sn.__all__) <= found
            optimizer = next(node for node in tree.body if getattr(node, "name", None) == "Optimizer")
            methods = {node.name for node in optimizer.body if isinstance(node, ast.FunctionDef)}
            assert methods == {name for name in vars(sn.Optimizer) if not name.startswith("_")}
