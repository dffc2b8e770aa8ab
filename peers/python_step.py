"""A step of AdamW over torch's tensors: `steepest.torch` beside torch's fused and foreach, in turn, in one process, one thread each. See README.md."""

import argparse
import json
import os
import platform
import statistics
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"

import torch

import steepest.torch

# tensors, elements of each, steps that one figure is the mean of
WORKS = [(1, 1_000, 200), (50, 1_000, 60), (1_000, 1_000, 6), (1, 1_000_000, 15), (50, 200_000, 3)]
# the most that a step may take beside torch's fused one
BARS = {(1, 1_000): 0.5, (50, 1_000): 0.5, (1_000, 1_000): 0.5, (1, 1_000_000): 1.0, (50, 200_000): 1.0}
PEERS = {
    "steepest": lambda params: steepest.torch.AdamW(params),
    "torch-fused": lambda params: torch.optim.AdamW(params, fused=True),
    "torch-foreach": lambda params: torch.optim.AdamW(params, foreach=True),
}


def parameters(tensors, size):
    torch.manual_seed(1)
    params = [torch.nn.Parameter(torch.randn(size)) for _ in range(tensors)]
    for p in params:
        p.grad = torch.randn(size)
    return params


def measure(tensors, size, steps, rounds, clock):
    """The microseconds of a step of each peer in each round."""
    optimizers = {name: make(parameters(tensors, size)) for name, make in PEERS.items()}
    times = {name: [] for name in PEERS}
    for turn in range(rounds + 2):
        # each round begins with another
        names = list(PEERS)[turn % len(PEERS) :] + list(PEERS)[: turn % len(PEERS)]
        for name in names:
            step = optimizers[name].step
            begin = clock()
            for _ in range(steps):
                step()
            times[name].append((clock() - begin) / steps * 1e6)
    return {name: of[2:] for name, of in times.items()}


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--json", help="write all figures to this file")
    options.add_argument("--cpu-time", action="store_true", help="time of this thread alone, where other work takes turns on its core")
    given = options.parse_args()
    torch.set_num_threads(1)
    clock = time.thread_time if given.cpu_time else time.perf_counter
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, {given.rounds} rounds, one thread each\n")
    print("| tensors | elements | steepest µs | fused µs | foreach µs | of fused | of foreach | bar |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    found, missed = [], False
    for tensors, size, steps in WORKS:
        times = measure(tensors, size, steps, given.rounds, clock)
        ratio = {name: statistics.median(a / b for a, b in zip(times["steepest"], times[name])) for name in PEERS}
        medians = " | ".join(f"{statistics.median(of):.0f}" for of in times.values())
        bar = BARS[tensors, size]
        missed |= ratio["torch-fused"] > bar
        print(f"| {tensors:,} | {size:,} | {medians} | {ratio['torch-fused']:.2f} | {ratio['torch-foreach']:.2f} | {bar} |", flush=True)
        found.append({"tensors": tensors, "elements": size, "microseconds": times, "ratios": ratio, "bar": bar})
    if given.json:
        with open(given.json, "w") as file:
            json.dump(found, file, indent=1)
    sys.exit("a bar is missed" if missed else 0)


if __name__ == "__main__":
    main()
