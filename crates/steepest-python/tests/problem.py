"""The problem of `examples/bits.rs`: a quadratic bowl whose gradients have noise, with numbers that are exact in float64."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from steepest._classes import REGISTRY

SHAPES = [(1,), (7,), (17,), (33, 31)]
STEPS = 200
NAMES = [entry["name"] for entry in REGISTRY]
ENTRIES = {entry["name"]: entry for entry in REGISTRY}


def draws(seed):
    """Numbers in [-1, 1) for each tensor."""

    def one(seed, n):
        seed, i = np.uint64(seed), np.arange(n, dtype=np.uint64)
        word = seed * np.uint64(2654435761) + i * np.uint64(2246822519) + (seed ^ i) * np.uint64(3266489917)
        return (word % np.uint64(1 << 32)).astype(np.float64) / 2.0**31 - 1.0

    return [one(seed + k, int(np.prod(shape))).reshape(shape) for k, shape in enumerate(SHAPES)]


CENTRE = draws(11)


def start():
    return draws(1)


def gradients(theta, t):
    return [0.5 * (x - c) + 0.125 * e for x, c, e in zip(theta, CENTRE, draws(100 + 10 * t))]


def rate(base, t):
    return base / (1 + t)


def words(theta):
    """The bits of all numbers."""
    return [f"{word:016x}" for x in theta for word in np.ascontiguousarray(x).view(np.uint64).ravel()]


_OF_RUST = {}


def bits_of_rust():
    """What `examples/bits.rs` prints: of the file that STEEPEST_BITS names, or by running it."""
    if not _OF_RUST:
        path = os.environ.get("STEEPEST_BITS")
        if path:
            text = Path(path).read_text()
        elif shutil.which("cargo"):
            command = ["cargo", "run", "--quiet", "-p", "steepest-python", "--example", "bits"]
            text = subprocess.run(command, cwd=Path(__file__).parent, check=True, capture_output=True, text=True).stdout
        else:
            pytest.skip("bits of the Rust library: neither STEEPEST_BITS nor cargo")
        _OF_RUST.update(json.loads(text))
    return _OF_RUST


def default_rate(name):
    """The rate of `examples/bits.rs`."""
    return ENTRIES[name]["rate"]
