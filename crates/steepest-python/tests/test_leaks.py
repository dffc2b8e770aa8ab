"""What is made is freed: steps and optimizers leave no memory behind."""

import gc
from pathlib import Path

import numpy as np
import pytest
import steepest.numpy as sn

STEPS, OPTIMIZERS, MOST = 10_000, 1_000, 2**20


def resident():
    """Bytes of this process in memory."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("how much memory is in use: no /proc/self/status")
    gc.collect()
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def growth(work, times):
    """How far memory grows in as many calls, after as many tenths that fill allocators' pools."""
    for _ in range(max(times // 10, 200)):
        work()
    before = resident()
    for _ in range(times):
        work()
    return resident() - before


def test_steps_over_arrays_leave_no_memory_behind():
    params, grads = [np.ones(50), np.ones((3, 4))], [np.ones(50), np.ones((3, 4))]
    optimizer = sn.AdamW(lr=lambda step: 1e-3 / (1 + step))
    assert growth(lambda: optimizer.step(params, grads), STEPS) < MOST


def test_optimizers_over_arrays_leave_no_memory_behind():
    p, g = np.ones(10_000), np.ones(10_000)
    assert growth(lambda: sn.AdamW(ema={}).step(p, g), OPTIMIZERS) < MOST


def test_steps_over_tensors_leave_no_memory_behind():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    import steepest.torch as st

    params = [torch.nn.Parameter(torch.ones(50)), torch.nn.Parameter(torch.ones(3, 4))]
    optimizer = st.AdamW(params, clip_norm=1.0)

    def step():
        for p in params:
            p.grad = torch.ones_like(p)
        optimizer.param_groups[0]["lr"] *= 0.9999
        optimizer.step()

    assert growth(step, STEPS) < MOST


def test_optimizers_over_tensors_leave_no_memory_behind():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    import steepest.torch as st

    p = torch.nn.Parameter(torch.ones(10_000))
    p.grad = torch.ones(10_000)

    def make():
        optimizer = st.AdamW([p], ema={})
        optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())
        optimizer.step()

    assert growth(make, OPTIMIZERS) < MOST


def test_refusals_leave_no_memory_behind():
    p = np.ones(1000)
    optimizer = sn.SGD()

    def refused():
        with pytest.raises(ValueError):
            optimizer.step(p, p)
        with pytest.raises(ArithmeticError):
            optimizer.step(p, np.full(1000, np.nan))

    assert growth(refused, 2_000) < MOST
