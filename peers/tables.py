"""`steepest fit FILE` with its defaults beside scikit-learn's MLP ((128, 64), early stopping, standardized inputs).

Both see the same file and hold back the same share of it for the test. See README.md."""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

PROGRAM = Path(__file__).parent.parent / "target" / "release" / "steepest"
HELD_BACK = 0.15


def scikit(table, target, classes, seed):
    y, x = table[target], table.drop(columns=target)
    parts = train_test_split(x, y, test_size=HELD_BACK, random_state=seed, stratify=y if classes else None)
    x_train, x_test, y_train, y_test = parts
    words = [c for c in x if not pd.api.types.is_numeric_dtype(x[c])]
    numbers = [c for c in x if c not in words]
    encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), words), (StandardScaler(), numbers))
    start = time.perf_counter()
    if classes:
        model = make_pipeline(encode, MLPClassifier(hidden_layer_sizes=(128, 64), early_stopping=True, random_state=seed))
        model.fit(x_train, y_train)
        score = model.score(x_test, y_test)
    else:
        mean, scale = y_train.mean(), y_train.std()
        mlp = MLPRegressor(hidden_layer_sizes=(128, 64), early_stopping=True, random_state=seed)
        model = make_pipeline(encode, mlp)
        model.fit(x_train, (y_train - mean) / scale)
        score = float(np.sqrt(np.mean((model.predict(x_test) * scale + mean - y_test) ** 2)))
    return score, time.perf_counter() - start


def steepest(file, target, seed):
    with tempfile.TemporaryDirectory() as folder:
        command = [PROGRAM, "fit", file, "--target", target, "--seed", str(seed), "--json", "--quiet"]
        command += ["--test", str(HELD_BACK), "--out", str(Path(folder) / "run")]
        start = time.perf_counter()
        summary = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        seconds = time.perf_counter() - start
    return summary["test"].get("accuracy", summary["test"].get("rmse")), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("target")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    table = pd.read_csv(arguments.file).dropna()
    y = table[arguments.target]
    classes = not pd.api.types.is_float_dtype(y) and y.nunique() <= 20
    rows = {"scikit-learn": [], "steepest": []}
    for seed in range(arguments.seeds):
        rows["steepest"].append(steepest(arguments.file, arguments.target, seed))
        rows["scikit-learn"].append(scikit(table, arguments.target, classes, seed))
    print(f"{arguments.file.name}: {len(table)} rows, {'accuracy' if classes else 'rmse'}, {arguments.seeds} seeds")
    for name, results in rows.items():
        scores, seconds = zip(*results)
        print(f"  {name:14} {np.mean(scores):12.5f} (standard deviation {np.std(scores):.5f})   {np.median(seconds):6.1f} s")


if __name__ == "__main__":
    main()
