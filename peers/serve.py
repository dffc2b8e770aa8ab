"""A peer that is written in Python: `serve.py PEER WORK` says `ready`, then a median for each line on standard input.

Each library is imported where it is used, so that one that is missing stops only its own peers. See compare.py."""

import json
import os
import statistics
import sys
import time

THETA = 0.1
# steps before the first that counts: some optimizers take another way in their first steps
WARM_UP = 8


def nothing():
    pass


def median_time(prepare, run, at_least=0.3, most=2000):
    """Seconds of one run: the median over about `at_least` seconds of runs; what prepares a run is not timed."""
    times, total = [], 0.0
    while total < at_least and len(times) < most:
        prepare()
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
        total += times[-1]
    return statistics.median(times)


def gradient(work):
    """The gradient of every tensor: `StepWork::gradient` in work.rs gives the same bits."""
    import numpy as np

    hashed = np.arange(np.prod(work["shape"]), dtype=np.uint32) * np.uint32(0x9E3779B1)
    hashed = (hashed ^ hashed >> 16) * np.uint32(0x45D9F3B)
    hashed ^= hashed >> 16
    return ((hashed / np.float64(2**32 - 1) - 0.5) * 2e-3).astype(np.float32).reshape(work["shape"])


def torch_optimizer(peer, work, params):
    """An optimizer of torch's, or of a project that makes them for torch."""
    import torch

    lr = work["lr"]
    if peer.startswith("torch") and not peer.startswith("torchao"):
        kinds = {"torch-foreach": {"foreach": True}, "torch-fused": {"fused": True}}
        return getattr(torch.optim, work["torch"])(params, lr=lr, **work["settings"], **kinds.get(peer, {}))
    if work["torch"] != "AdamW":
        raise ValueError(f"{peer} is here for AdamW alone")
    if peer == "deepspeed":
        from deepspeed.ops.adam import DeepSpeedCPUAdam

        return DeepSpeedCPUAdam(params, lr=lr, weight_decay=0.01, adamw_mode=True)
    if peer == "bitsandbytes-8bit":
        import bitsandbytes.optim as module
    else:
        import torchao.optim as module
    name = "AdamW4bit" if peer.endswith("4bit") else "AdamW8bit"
    return getattr(module, name)(params, lr=lr, weight_decay=0.01)


def torch_step(peer, work):
    import torch

    torch.set_num_threads(int(os.environ["PEER_THREADS"]))
    values = torch.from_numpy(gradient(work))
    params = [torch.full(work["shape"], THETA, requires_grad=True) for _ in range(work["tensors"])]
    for p in params:
        p.grad = values.clone()
    optimizer = torch_optimizer(peer, work, params)
    average = [p.detach().clone() for p in params] if work["ema"] else []

    def run():
        if work["clip"]:
            torch.nn.utils.clip_grad_norm_(params, work["clip"], foreach=True if peer == "torch-foreach" else None)
        optimizer.step()
        with torch.no_grad():
            if work["ema"]:
                torch._foreach_lerp_(average, params, 1 - work["ema"])
            if work["zero"]:
                for p in params:
                    p.grad.zero_()

    def refill():
        for p in params:
            p.grad.copy_(values)

    return refill if work["zero"] else nothing, torch.compile(run) if peer == "torch-compiled" else run


def optax_step(work):
    from functools import partial

    import jax
    import jax.numpy as jnp
    import optax

    if work["optimizer"] != "adamw":
        raise ValueError("optax is here for AdamW alone")
    values = gradient(work)
    names = [f"p{i}" for i in range(work["tensors"])]
    params = {name: jnp.full(work["shape"], THETA) for name in names}
    adamw = optax.adamw(work["lr"], weight_decay=0.01)
    if work["clip"]:
        adamw = optax.chain(optax.clip_by_global_norm(work["clip"]), adamw)

    # what is donated is overwritten, as far as XLA can: parameters, state, and a gradient that shall be zero
    @partial(jax.jit, donate_argnums=(0, 1, 2, 3) if work["zero"] else (0, 1, 2))
    def step(params, state, average, grads):
        updates, state = adamw.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        if work["ema"]:
            average = optax.incremental_update(params, average, 1 - work["ema"])
        return params, state, average, jax.tree.map(jnp.zeros_like, grads) if work["zero"] else None

    average = jax.tree.map(jnp.copy, params) if work["ema"] else None
    held = [params, adamw.init(params), average]
    grads = {}

    def refill():
        grads.update({name: jnp.array(values) for name in names})
        jax.block_until_ready(grads)

    def run():
        *held[:], zeros = step(*held, grads)
        jax.block_until_ready((held, zeros))

    refill()
    return refill if work["zero"] else nothing, run


def torch_train(work):
    import torch

    torch.set_num_threads(int(os.environ["PEER_THREADS"]))
    batch, width = work["batch"], work["width"]
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

    return nothing, run


def jax_train(work):
    import jax
    import jax.numpy as jnp
    import optax

    batch, width = work["batch"], work["width"]
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

    return nothing, run


def prepared(peer, work):
    """What is done before each run, and the run."""
    if work["kind"] == "step":
        return optax_step(work) if peer == "optax" else torch_step(peer, work)
    if work["kind"] == "train":
        return jax_train(work) if peer == "jax" else torch_train(work)
    raise ValueError(f"{peer} has no work of kind {work['kind']}")


def main():
    # libraries print to standard output while they load; only answers may go to the driver
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer, work = sys.argv[1], json.loads(sys.argv[2])
    prepare, run = prepared(peer, work)
    for _ in range(WARM_UP):
        prepare()
        run()
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        print(median_time(prepare, run), file=answers, flush=True)


if __name__ == "__main__":
    main()
