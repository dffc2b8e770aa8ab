"""`steepest tune` beside Optuna (TPE, Hyperband pruner), which drives the same `steepest fit`, over equal seconds.

Both search the learning rate and the weight decay of AdamW over the same ranges, on one thread, and never see the test rows. `tune`
goes first; Optuna then has the seconds that it took, its last trial included, and reads the validation loss of each epoch as `fit` writes
it, so that it can cut a trial short. What each chose is trained with other seeds, and judged by the mean test loss. See README.md."""

import argparse
import json
import math
import subprocess
import tempfile
import time
from pathlib import Path

import optuna

PROGRAM = Path(__file__).parent.parent / "target" / "release" / "steepest"
RATE = (3e-5, 0.3)
DECAY = (1e-3, 1.0)
LENGTH = ["--max-steps", "600", "--patience", "0", "--threads", "1"]


def given(file, target, seed):
    name = ["--target", target] if target else []
    return [file, *name, "--seed", str(seed), *LENGTH, "--quiet", "--no-report"]


def tune(file, target, seed):
    with tempfile.TemporaryDirectory() as folder:
        searches = ["--search", f"lr={RATE[0]}..{RATE[1]}:log", "--search", f"weight_decay={DECAY[0]}..{DECAY[1]}:log"]
        command = [PROGRAM, "tune", *given(file, target, seed), *searches, "--json", "--out", f"{folder}/run"]
        start = time.perf_counter()
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        seconds = time.perf_counter() - start
        point = found["tuned"]["tried"][0]["point"]
    return (point["lr"], point["weight_decay"]), seconds


def optimize(file, target, seed, seconds):
    deadline = time.perf_counter() + seconds
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(sampler=sampler, pruner=optuna.pruners.HyperbandPruner())

    def objective(trial):
        lr = trial.suggest_float("lr", *RATE, log=True)
        decay = trial.suggest_float("weight_decay", *DECAY, log=True)
        with tempfile.TemporaryDirectory() as folder:
            command = [PROGRAM, "fit", *given(file, target, seed), "--lr", repr(lr), "--weight-decay", repr(decay), "--out", f"{folder}/run"]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            best, seen = math.inf, 0
            while True:
                ended = process.poll() is not None
                if time.perf_counter() > deadline and not ended:
                    process.kill()
                    process.wait()
                    study.stop()
                    raise optuna.TrialPruned
                metrics = Path(folder) / "run" / "metrics.jsonl"
                lines = metrics.read_text().splitlines(keepends=True) if metrics.exists() else []
                for line in [line for line in lines[seen:] if line.endswith("\n")]:
                    seen += 1
                    epoch = json.loads(line)
                    loss = epoch.get("validation_capped")
                    best = min(best, math.inf if loss is None else loss)
                    trial.report(best, seen)
                    if trial.should_prune():
                        process.kill()
                        process.wait()
                        raise optuna.TrialPruned
                if ended:
                    return best if process.returncode == 0 else math.inf
                time.sleep(0.005)

    study.optimize(objective, timeout=seconds)
    return (study.best_params["lr"], study.best_params["weight_decay"]), len(study.trials)


def judge(file, target, choice, seeds):
    losses = []
    for seed in range(1000, 1000 + seeds):
        with tempfile.TemporaryDirectory() as folder:
            chosen = ["--lr", repr(choice[0]), "--weight-decay", repr(choice[1])]
            command = [PROGRAM, "fit", *given(file, target, seed), *chosen, "--json", "--out", f"{folder}/run"]
            done = subprocess.run(command, capture_output=True, text=True)
            summary = json.loads(done.stdout) if done.returncode == 0 else {}
            losses.append(summary["test"]["loss"] if summary else math.inf)
    return sum(losses) / len(losses)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", help="FILE,TARGET, or an embedded data set")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--judges", type=int, default=8, help="other seeds by which a choice is judged")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    no_worse = 0
    for table in arguments.tables:
        file, _, target = table.partition(",")
        ours, theirs = [], []
        for seed in range(arguments.seeds):
            choice, seconds = tune(file, target, seed)
            other, trials = optimize(file, target, seed, seconds)
            ours.append(judge(file, target, choice, arguments.judges))
            theirs.append(judge(file, target, other, arguments.judges))
            print(f"{Path(file).name} seed {seed}: {seconds:.1f} s, {trials} trials of Optuna; tune {choice} {ours[-1]:.4f}, Optuna {other} {theirs[-1]:.4f}", flush=True)
        mean = [sum(losses) / len(losses) for losses in (ours, theirs)]
        no_worse += mean[0] <= mean[1]
        print(f"{Path(file).name}: tune {mean[0]:.4f}, Optuna {mean[1]:.4f}", flush=True)
    print(f"no higher on {no_worse} of {len(arguments.tables)}")


if __name__ == "__main__":
    main()
