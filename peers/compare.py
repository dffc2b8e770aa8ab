"""Asks every peer in turn for the same work and prints medians and ratios. See README.md."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RUST = HERE / "rust" / "target" / "release" / "peers"

# work: (what it is called, peers that can do it, the one that the others are divided by)
STEPS = {
    "adamw25m": ["steepest", "steepest-checked", "stream", "torch-fused", "torch"],
    "adamw1000x1000": ["steepest", "torch-fused", "torch"],
    "clip25m": ["steepest", "torch-fused"],
}
TRAIN = {
    "mlp32x64": ["steepest", "burn", "candle", "torch", "jax"],
    "mlp128x512": ["steepest", "burn", "candle", "torch", "jax"],
}


def median_time(run, at_least=0.3, most=2000):
    """Seconds of one run: the median over about `at_least` seconds of runs."""
    import time

    times = []
    while sum(times) < at_least and len(times) < most:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def torch_work(work, peer):
    import torch

    torch.set_num_threads(int(os.environ["PEER_THREADS"]))
    fused = peer == "torch-fused"
    if work in ("adamw25m", "clip25m", "adamw1000x1000"):
        shapes = [1000] * 1000 if work == "adamw1000x1000" else [25_000_000]
        params = [torch.full((n,), 0.1, requires_grad=True) for n in shapes]
        for p in params:
            p.grad = torch.full_like(p, 1e-3)
        adamw = torch.optim.AdamW(params, lr=1e-3, fused=fused)
        if work == "clip25m":

            def run():
                # a bound that is not reached, so that the gradient stays what it is
                torch.nn.utils.clip_grad_norm_(params, 1e9)
                adamw.step()

            return run
        return adamw.step
    batch, width = (32, 64) if work == "mlp32x64" else (128, 512)
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(784, width), torch.nn.ReLU(), torch.nn.Linear(width, width), torch.nn.ReLU(), torch.nn.Linear(width, 10)
    )
    x, y = torch.randn(batch, 784), torch.randint(0, 10, (batch,))
    adamw = torch.optim.AdamW(net.parameters(), lr=1e-3)
    loss_of = torch.nn.CrossEntropyLoss()

    def run():
        adamw.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        adamw.step()
        return loss.item()

    return run


def jax_work(work):
    import jax
    import jax.numpy as jnp
    import optax

    batch, width = (32, 64) if work == "mlp32x64" else (128, 512)
    keys = jax.random.split(jax.random.PRNGKey(0), 8)
    sizes = [(784, width), (width, width), (width, 10)]
    params = [(jax.random.normal(k, s) * (2 / s[0]) ** 0.5, jnp.zeros(s[1])) for k, s in zip(keys, sizes)]
    x, y = jax.random.normal(keys[6], (batch, 784)), jax.random.randint(keys[7], (batch,), 0, 10)
    adamw = optax.adamw(1e-3)

    def loss_of(params):
        h = x
        for w, b in params[:-1]:
            h = jax.nn.relu(h @ w + b)
        w, b = params[-1]
        return optax.softmax_cross_entropy_with_integer_labels(h @ w + b, y).mean()

    @jax.jit
    def step(params, state):
        loss, grads = jax.value_and_grad(loss_of)(params)
        updates, state = adamw.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    held = [params, adamw.init(params)]

    def run():
        held[0], held[1], loss = step(*held)
        return float(loss)

    return run


def serve(peer, work):
    """The other side: one line in, one median out."""
    run = jax_work(work) if peer == "jax" else torch_work(work, peer)
    for _ in range(3):
        run()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(median_time(run), flush=True)


def compare(table, rounds, threads):
    environment = dict(os.environ, PEER_THREADS=str(threads), OMP_NUM_THREADS=str(threads), RAYON_NUM_THREADS=str(threads))
    environment["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    results = {}
    for work, peers in table.items():
        served = {}
        for peer in peers:
            python = peer.startswith("torch") or peer == "jax"
            command = [sys.executable, __file__, "serve", peer, work] if python else [RUST, peer, work]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
            if process.stdout.readline().strip() == "ready":
                served[peer] = (process, [])
            else:
                print(f"skipped: {peer} (it did not start)", file=sys.stderr)
        for _ in range(rounds):
            for process, times in served.values():
                process.stdin.write("go\n")
                process.stdin.flush()
                times.append(float(process.stdout.readline()))
        for process, _ in served.values():
            process.stdin.close()
            process.wait()
        results[work] = {peer: statistics.median(times) for peer, (_, times) in served.items()}
        own = results[work].get("steepest")
        print(f"\n{work}, {threads} threads, {rounds} rounds")
        for peer, seconds in results[work].items():
            print(f"  {peer:18} {seconds * 1e3:10.3f} ms   {seconds / own:6.2f} times steepest")
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["steps", "train", "serve"])
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.what == "serve":
        serve(*arguments.rest)
        return
    results = compare(STEPS if arguments.what == "steps" else TRAIN, arguments.rounds, arguments.threads)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
