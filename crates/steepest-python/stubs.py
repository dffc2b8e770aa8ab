"""Writes the type stubs of `steepest.torch` and `steepest.numpy` from the registry: `python stubs.py`, and `python stubs.py --check` says whether they
are stale. The package is installed then, for the registry is in its compiled half.
"""

import sys
from pathlib import Path

from steepest import _classes

FOLDER = Path(__file__).parent / "python" / "steepest"
HEAD = '"""{}"""\n\n# written by stubs.py from the registry of optimizers\n\n'

TORCH = (
    HEAD.format("Every optimizer of steepest as a `torch.optim.Optimizer`, on torch's own memory.")
    + """from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import torch

Params = Iterable[torch.Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, torch.Tensor]]

class Optimizer(torch.optim.Optimizer):
    def step(self, closure: Callable[[], Any] | None = None, *, loss: float | torch.Tensor | None = None) -> Any: ...
    def averaged(self) -> AbstractContextManager[Optimizer]: ...
    def health(self) -> list[dict[str, Any]]: ...
    @property
    def last_step(self) -> dict[str, Any] | None: ...

def from_torch(optimizer: torch.optim.Optimizer, **options: Any) -> Optimizer: ...
def to_torch(optimizer: Optimizer) -> torch.optim.Optimizer: ...
"""
)

NUMPY = (
    HEAD.format("Every optimizer of steepest over arrays, in place; functions minimized, gradients checked, schedules.")
    + """from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Arrays = Any | Sequence[Any] | Mapping[str, Any]
Function = Callable[[np.ndarray], Any]

class Optimizer:
    lr: float | Callable[[int], float]
    def step(self, params: Arrays, grads: Arrays, *, lr: float | None = None, loss: float | None = None) -> None: ...
    def set(self, **settings: Any) -> None: ...
    def averaged(self, params: Arrays) -> Any: ...
    @property
    def steps_taken(self) -> int: ...
    @property
    def last_step(self) -> dict[str, Any] | None: ...
    def health(self) -> list[dict[str, Any]]: ...
    def state(self, param: str | int, name: str) -> np.ndarray: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...

class Schedule:
    NAMES: tuple[str, ...]
    def __init__(self, name: str, lr: float, steps: int, **settings: Any) -> None: ...
    @classmethod
    def describe(cls, name: str) -> str: ...
    def __call__(self, step: int) -> float: ...

class Minimum(dict[str, Any]):
    def __getattr__(self, name: str) -> Any: ...

def minimize(
    fun: Function,
    x0: Any,
    method: str = "lbfgs",
    *,
    jac: Function | None = None,
    lr: float | None = None,
    schedule: str | tuple[str, dict[str, Any]] | None = None,
    max_steps: int = 1000,
    stop: Mapping[str, Mapping[str, Any]] | None = None,
    clip_norm: float | None = None,
    trace: int = 100,
    **settings: Any,
) -> Minimum: ...
def check_gradient(
    fun: Function, x: Any, *, jac: Function | None = None, samples: int | None = None, seed: int = 0
) -> Minimum: ...
"""
)

def type_of(value):
    if isinstance(value, tuple):
        parts = ["float | None" if part is None else "float" for part in value]
        return f"tuple[{', '.join(parts)}]" if len(value) < 4 else "Sequence[float]"
    return type(value).__name__


def options():
    """What composes with any optimizer, as the keywords that they are."""
    lines = [f"    {name}: {kind}" for name, (kind, _) in _classes.OPTIONS.items()]
    return "\nclass Options(TypedDict, total=False):\n" + "\n".join(lines) + "\n"


def stub(entry, first, rate, non_finite):
    signature = _classes.signature([name for name, _ in first], entry, non_finite)
    lines = ["        self,"]
    types = {**dict(first), "lr": rate, "maximize": "bool"}
    for parameter in signature.parameters.values():
        if parameter.name in _classes.OPTIONS:
            continue
        if parameter.name == "maximize":
            lines.append("        *,")
        kind = types.get(parameter.name) or type_of(parameter.default)
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        lines.append(f"        {parameter.name}: {kind}{default},")
    lines.append("        **options: Unpack[Options],")
    # the page itself is in the class, where `help` and editors that import find it
    summary = entry["summary"].replace("\\", "\\\\")
    head = f'class {entry["class"]}(Optimizer):\n    """{summary} `help({entry["class"]})` has formula, settings and source."""\n\n'
    return head + "    def __init__(\n" + "\n".join(lines) + "\n    ) -> None: ...\n"


def stubs():
    """The stubs by the names of their files."""
    every = "from typing import Any"
    more = every + ", Literal, TypedDict, Unpack"
    of_torch = TORCH.replace(every, more).replace("Callable, Iterable", "Callable, Iterable, Sequence") + options()
    of_numpy = NUMPY.replace(every, more) + options()
    rates = "float | torch.Tensor", "float | Callable[[int], float]"
    for entry in _classes.REGISTRY:
        of_torch += "\n" + stub(entry, [("params", "Params")], rates[0], "unchecked")
        of_numpy += "\n" + stub(entry, [], rates[1], "error")
    return {"torch.pyi": of_torch, "numpy.pyi": of_numpy}


def main():
    stale = []
    for name, text in stubs().items():
        path = FOLDER / name
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(name)
    if stale:
        sys.exit(f"stale: {', '.join(stale)}; write them anew with `python {Path(__file__).name}`")


if __name__ == "__main__":
    main()
