"""Asks every peer in turn for the same work and prints medians and ratios. See README.md."""

import argparse
import datetime
import fnmatch
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
RUST = Path(os.environ.get("CARGO_TARGET_DIR", HERE / "rust" / "target")) / "release" / "peers"
IN_RUST = ["steepest", "stream", "burn", "candle"]
# the first start compiles: DeepSpeed its C++, torch its kernels
START_LIMIT = 900


def step(optimizer, torch, lr, settings={}, shape=(25_000_000,), tensors=1, clip=None, ema=None, zero=False):
    """A step on bare tensors, by an optimizer's name here and in torch. Both know the settings; others keep their defaults."""
    return {"kind": "step"} | locals()


# what every optimizer of torch's has; compiled on the first start
TORCH = ["torch-compiled", "torch-foreach", "torch"]
FUSED = ["torch-fused", *TORCH]
# not compiled: for a thousand tensors that takes torch more than four minutes
MANY = ["steepest", "torch-fused", "torch-foreach", "torch", "optax"]

# name: (the work, its peers); every ratio is to the first peer that runs
WORKS = {
    "adamw25m": (
        step("adamw", "AdamW", 1e-3),
        ["steepest", "steepest-checked", "stream", *FUSED, "optax", "deepspeed", "burn", "candle"],
    ),
    "sgd25m": (step("sgd", "SGD", 1e-3, {"momentum": 0.9}), ["steepest", *FUSED]),
    "adagrad25m": (step("adagrad", "Adagrad", 1e-2), ["steepest", *FUSED]),
    "rmsprop25m": (step("rmsprop", "RMSprop", 1e-2), ["steepest", *TORCH]),
    "adam25m": (step("adam", "Adam", 1e-3), ["steepest", *FUSED]),
    "adadelta25m": (step("adadelta", "Adadelta", 1.0), ["steepest", *TORCH]),
    "adamax25m": (step("adamax", "Adamax", 2e-3), ["steepest", *TORCH]),
    "nadam25m": (step("nadam", "NAdam", 2e-3), ["steepest", *TORCH]),
    "radam25m": (step("radam", "RAdam", 1e-3), ["steepest", *TORCH]),
    "asgd25m": (step("asgd", "ASGD", 1e-2), ["steepest", *TORCH]),
    "rprop25m": (step("rprop", "Rprop", 1e-2), ["steepest", *TORCH]),
    "adafactor5000x5000": (step("adafactor", "Adafactor", 1e-2, shape=(5000, 5000)), ["steepest", *TORCH]),
    "muon1024x4096": (
        step("muon", "Muon", 1e-3, {"weight_decay": 0.1}, shape=(1024, 4096)),
        ["steepest", "torch-compiled", "torch"],
    ),
    # a bound that is not reached, so that the gradient stays what it is: torch multiplies by 1 then
    "clip25m": (step("adamw", "AdamW", 1e-3, clip=1e9), ["steepest", *FUSED, "optax"]),
    # the gradient is filled anew, so that here clipping changes it: its norm is 2.9
    "clip_ema_zero25m": (
        step("adamw", "AdamW", 1e-3, clip=1.0, ema=0.999, zero=True),
        ["steepest", *FUSED, "optax"],
    ),
    "adamw1000x1000": (step("adamw", "AdamW", 1e-3, shape=(1000,), tensors=1000), MANY),
    "clip1000x1000": (step("adamw", "AdamW", 1e-3, shape=(1000,), tensors=1000, clip=1e9), MANY),
    "adamw8bit25m": (
        # torchao keeps the state of a tensor in f32 whose length its blocks of 256 do not divide
        step("adamw", "AdamW", 1e-3, shape=(24 * 2**20,)),
        ["steepest-8bit", "steepest-bf16-8bit", "steepest", "bitsandbytes-8bit", "torchao-8bit", "torchao-4bit"],
    ),
    "burn55k": ({"kind": "module_step", "batch": 32, "width": 64}, ["steepest", "steepest-checked", "burn"]),
    "mlp32x64": ({"kind": "train", "batch": 32, "width": 64}, ["steepest", "burn", "candle", "torch", "jax"]),
    "mlp128x512": ({"kind": "train", "batch": 128, "width": 512}, ["steepest", "burn", "candle", "torch", "jax"]),
}


class Died(Exception):
    """Why a peer does not answer: the last line that it wrote."""


class Peer:
    def __init__(self, name, work, environment):
        command = [str(RUST)] if name.split("-")[0] in IN_RUST else [sys.executable, str(HERE / "serve.py")]
        self.words = tempfile.TemporaryFile(mode="w+", errors="replace")
        self.times = []
        try:
            self.process = subprocess.Popen(
                [*command, name, json.dumps(work)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.words,
                text=True,
                env=environment,
            )
        except OSError as error:
            raise Died(f"{error.strerror}: it is not built") from error
        limit = threading.Timer(START_LIMIT, self.process.kill)
        limit.start()
        try:
            self.answer()
        finally:
            limit.cancel()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            code = self.stop()
            self.words.seek(0)
            said = [words.strip() for words in self.words if words.strip()]
            raise Died(said[-1] if code >= 0 and said else f"ended with {code}")
        return line.strip()

    def measure(self):
        try:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `answer` finds out why
        self.times.append(float(self.answer()))

    def stop(self):
        """Ends it, and waits until its memory is free."""
        try:
            self.process.stdin.close()
            return self.process.wait(timeout=20)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            return self.process.wait()


def compare(work, peers, rounds, environment):
    """Seconds of every peer in every round, and why others were skipped."""
    running, skipped = {}, {}
    try:
        for name in peers:
            try:
                running[name] = Peer(name, work, environment)
            except Died as reason:
                skipped[name] = str(reason)
        for _ in range(rounds):
            for name in list(running):
                try:
                    running[name].measure()
                except Died as reason:
                    skipped[name] = str(reason)
                    del running[name]
        return {name: peer.times for name, peer in running.items()}, skipped
    finally:
        for peer in running.values():
            peer.stop()


def summary(times):
    """Of every peer: its median in milliseconds, and the median over the rounds of its ratio to the first peer."""
    first = next(iter(times.values()), [])
    ratio = {name: statistics.median(t / f for t, f in zip(own, first)) for name, own in times.items()}
    return [(name, statistics.median(own) * 1e3, ratio[name]) for name, own in times.items()]


def machine():
    model = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model or platform.machine()}, {os.cpu_count()} cores"


def versions():
    found = {}
    for name in ["torch", "jax", "optax", "deepspeed", "bitsandbytes", "torchao"]:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    locked = tomllib.loads((HERE / "rust" / "Cargo.lock").read_text())["package"]
    return found | {p["name"]: p["version"] for p in locked if p["name"] in ("burn", "candle-core", "steepest")}


def markdown(report):
    lines = [
        f"{report['machine']}; {report['threads']} threads; {report['date']}; {report['rounds']} rounds. "
        + ", ".join(f"{name} {version}" for name, version in report["versions"].items())
        + ".",
    ]
    for work, result in report["works"].items():
        first = next(iter(result["seconds"]), "nothing")
        lines += ["", f"## {work}", "", f"| peer | ms | of {first} |", "| --- | --- | --- |"]
        lines += [f"| {name} | {ms:.4g} | {ratio:.2f} |" for name, ms, ratio in summary(result["seconds"])]
        lines += [""] * bool(result["skipped"])
        lines += [f"- skipped: {name} ({why.replace('|', '/')})" for name, why in result["skipped"].items()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, epilog=f"Works: {', '.join(WORKS)}")
    parser.add_argument("--only", metavar="WORK", action="append", help="a work, or a pattern such as 'mlp*'; may be repeated")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    patterns = arguments.only or ["*"]
    for pattern in patterns:
        if not fnmatch.filter(WORKS, pattern):
            parser.error(f"no work is called {pattern}; there are {', '.join(WORKS)}")
    threads = str(arguments.threads)
    environment = dict(os.environ, PEER_THREADS=threads, OMP_NUM_THREADS=threads, RAYON_NUM_THREADS=threads)
    environment["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if arguments.threads > 1 else 'false'}"
    # else it looks for a GPU's compiler
    environment["DS_ACCELERATOR"] = "cpu"
    # where ninja lies, which builds DeepSpeed's step
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    report = {
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
        "threads": arguments.threads,
        "rounds": arguments.rounds,
        "versions": versions(),
        "works": {},
    }
    for name, (work, peers) in WORKS.items():
        if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            continue
        seconds, skipped = compare(work, peers, arguments.rounds, environment)
        report["works"][name] = {"seconds": seconds, "skipped": skipped}
        print(f"\n{name}, {threads} threads, {arguments.rounds} rounds", flush=True)
        for peer, ms, ratio in summary(seconds):
            print(f"  {peer:18} {ms:10.3f} ms {ratio:8.2f} times {next(iter(seconds))}", flush=True)
        for peer, reason in skipped.items():
            print(f"  {peer:18} skipped: {reason}", flush=True)
        # after every work, so that a run that is cut off keeps what it has
        if arguments.json:
            arguments.json.write_text(json.dumps(report, indent=2))
        if arguments.markdown:
            arguments.markdown.write_text(markdown(report))


if __name__ == "__main__":
    main()
