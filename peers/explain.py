"""Exact Shapley values beside shap's exact, in one process at a time on the same network, rows and background.

    cargo build --release --example explain_speed -p steepest-train
    python peers/explain.py

The network is a multi-layer perceptron (128, 64) of relu on 10 columns, with random weights that the example writes; 100 rows against 100
rows of background. shap calls it through numpy in f32. Both on one thread, then ours on two. Printed: seconds, the ratio, and the
largest difference, relative to the largest value.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")})
import numpy as np  # noqa: E402
import shap  # noqa: E402

root = Path(__file__).resolve().parent.parent
example = root / "target" / "release" / "examples" / "explain_speed"


def ours(threads):
    out = subprocess.run([example, str(threads)], check=True, capture_output=True, text=True).stdout
    return json.loads(out)


first = ours(1)
layers = [(np.array(w, np.float32).reshape(shape), np.array(b, np.float32)) for w, shape, b in first["layers"]]
rows = np.array(first["rows"], np.float32).reshape(100, 10)
background = np.array(first["background"], np.float32).reshape(100, 10)


def network(x):
    x = x.astype(np.float32)
    for at, (w, b) in enumerate(layers):
        x = x @ w + b
        if at + 1 < len(layers):
            np.maximum(x, 0, out=x)
    return x[:, 0]


# the target's unit: what one of the network's own outputs is
raw, whole = network(rows), np.array(first["whole"])
unit = float((whole[0] - whole[1]) / (raw[0] - raw[1]))

explainer = shap.explainers.ExactExplainer(network, shap.maskers.Independent(background, max_samples=100))
explainer(rows[:2], silent=True)
repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
for _ in range(repeats):
    begin = time.perf_counter()
    theirs = explainer(rows, silent=True).values
    seconds = time.perf_counter() - begin
    one, two = ours(1), ours(2)
    values = np.array(one["values"]).reshape(100, 10) / unit
    assert one["values"] == two["values"]
    print(
        f"shap {shap.__version__} exact {seconds:.2f} s; ours on one thread {one['seconds']:.2f} s ({one['seconds'] / seconds:.2f}), "
        f"on two {two['seconds']:.2f} s ({two['seconds'] / seconds:.2f}); paths {1e3 * one['path_seconds'] / 100:.2f} ms a row; "
        f"largest difference {np.abs(values - theirs).max() / np.abs(theirs).max():.1e}"
    )
