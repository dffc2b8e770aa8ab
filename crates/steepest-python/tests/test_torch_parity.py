"""steepest.torch beside the Rust library and torch.optim: the same bits as the one, the same numbers as the other."""

import copy

import problem
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import steepest.torch as st

LR = torch.optim.lr_scheduler


@pytest.fixture(autouse=True)
def wide():
    """torch rounds its scalars to the default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def parameters(dtype=torch.float64):
    return [torch.nn.Parameter(torch.from_numpy(x).to(dtype)) for x in problem.start()]


def set_gradients(params, t):
    theta = [p.detach().double().numpy() for p in params]
    for p, g in zip(params, problem.gradients(theta, t)):
        p.grad = torch.from_numpy(g).to(p.dtype)


def run(optimizer, params, steps, after=lambda: None, loss=None):
    for t in steps:
        set_gradients(params, t)
        optimizer.step(*([] if loss is None else [lambda: loss]))
        after()


def distance(params, others):
    pairs = [(a.detach().double(), b.detach().double()) for a, b in zip(params, others)]
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


@pytest.mark.parametrize("name", problem.NAMES)
def test_every_optimizer_has_the_bits_of_the_rust_library(name):
    params, base = parameters(), problem.default_rate(name)
    optimizer = getattr(st, problem.ENTRIES[name]["class"])(params, lr=base)
    for t in range(problem.STEPS):
        set_gradients(params, t)
        optimizer.param_groups[0]["lr"] = problem.rate(base, t)
        optimizer.step(loss=1.0)
    assert problem.words([p.detach().numpy() for p in params]) == problem.bits_of_rust()[name]


# what torch has, with settings beyond the defaults
TORCH = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "maximize": True, "lr": 1e-4}),
    ("Adagrad", {"lr_decay": 0.01, "initial_accumulator_value": 0.1, "weight_decay": 0.01}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9, "centered": True, "weight_decay": 0.01, "lr": 1e-3}),
    ("Adam", {"weight_decay": 0.01}),
    ("Adam", {"amsgrad": True, "betas": (0.8, 0.99), "eps": 1e-4}),
    ("AdamW", {}),
    ("AdamW", {"amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    ("Adadelta", {"rho": 0.8, "weight_decay": 0.01}),
    ("Adamax", {"weight_decay": 0.01}),
    ("RAdam", {}),
    ("RAdam", {"weight_decay": 0.01, "decoupled_weight_decay": True}),
    ("NAdam", {}),
    ("NAdam", {"weight_decay": 0.01, "decoupled_weight_decay": True, "momentum_decay": 0.01}),
    ("ASGD", {}),
    ("ASGD", {"lambd": 0.01, "t0": 50.0, "weight_decay": 0.01}),
    ("Rprop", {"etas": (0.4, 1.3), "step_sizes": (1e-5, 1.0)}),
    ("Adafactor", {}),
    ("Adafactor", {"beta2_decay": -0.5, "weight_decay": 0.01, "d": 2.0}),
]
IDS = [f"{name}-{'-'.join(settings)}" for name, settings in TORCH]


def test_each_class_that_torch_has_is_held_to_it():
    assert {name for name, _ in TORCH} == {entry["class"] for entry in problem.ENTRIES.values() if entry["in_torch"]}


@pytest.mark.parametrize("name, settings", TORCH, ids=IDS)
def test_torchs_own_numbers(name, settings):
    ours, theirs = parameters(), parameters()
    run(getattr(st, name)(ours, **settings), ours, range(problem.STEPS))
    run(getattr(torch.optim, name)(theirs, **settings), theirs, range(problem.STEPS))
    assert distance(ours, theirs) <= 1e-12


@pytest.mark.parametrize("name, settings", TORCH, ids=IDS)
def test_the_defaults_are_torchs(name, settings):
    import inspect

    of_torch = inspect.signature(getattr(torch.optim, name)).parameters
    ours = getattr(st, name).__signature__.parameters
    common = [key for key in of_torch if key in ours and key != "params"]
    assert "lr" in common and len(common) >= 2
    for key in common:
        expected = of_torch[key].default
        assert ours[key].default == expected, key


@pytest.mark.parametrize("name, settings", TORCH, ids=IDS)
def test_state_of_torch_goes_on_here_and_back(name, settings):
    cls, torchs = getattr(st, name), getattr(torch.optim, name)
    whole, ours, back = parameters(), parameters(), parameters()
    theirs = torchs(whole, **settings)
    run(theirs, whole, range(20))
    # torch lends its own tensors
    state = copy.deepcopy(theirs.state_dict())
    with torch.no_grad():
        for p, q in zip(ours, whole):
            p.copy_(q)
    optimizer = cls(ours, **settings)
    optimizer.load_state_dict(state)
    run(optimizer, ours, range(20, 40))
    run(theirs, whole, range(20, 40))
    assert distance(ours, whole) <= 1e-12
    # and from here to torch
    with torch.no_grad():
        for p, q in zip(back, ours):
            p.copy_(q)
    again = torchs(back, **settings)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    run(again, back, range(40, 60))
    run(optimizer, ours, range(40, 60))
    run(theirs, whole, range(40, 60))
    assert distance(back, whole) <= 1e-12 and distance(ours, whole) <= 1e-12


@pytest.mark.parametrize("name, settings", TORCH, ids=IDS)
def test_optimizers_are_exchanged_in_the_middle_of_a_run(name, settings):
    whole, params = parameters(), parameters()
    theirs, optimizer = getattr(torch.optim, name)(whole, **settings), getattr(torch.optim, name)(params, **settings)
    run(theirs, whole, range(30))
    run(optimizer, params, range(10))
    optimizer = st.from_torch(optimizer)
    assert type(optimizer) is getattr(st, name)
    run(optimizer, params, range(10, 20))
    optimizer = st.to_torch(optimizer)
    assert type(optimizer) is getattr(torch.optim, name)
    run(optimizer, params, range(20, 30))
    assert distance(params, whole) <= 1e-12


def test_what_is_in_one_library_alone_is_not_exchanged():
    params = parameters()
    with pytest.raises(TypeError, match="Lion is not in both libraries; those that are: ASGD, Adadelta"):
        st.to_torch(st.Lion(params))
    with pytest.raises(TypeError, match="LBFGS is not in both"):
        st.from_torch(torch.optim.LBFGS(params))


SCHEDULERS = [
    ("LambdaLR", {"lr_lambda": lambda t: 0.95**t}, {}),
    ("MultiplicativeLR", {"lr_lambda": lambda t: 0.97}, {}),
    ("StepLR", {"step_size": 7}, {}),
    ("CosineAnnealingLR", {"T_max": 30}, {}),
    ("CosineAnnealingWarmRestarts", {"T_0": 10}, {}),
    ("OneCycleLR", {"max_lr": 1e-2, "total_steps": 61}, {}),
    ("OneCycleLR", {"max_lr": 1e-2, "total_steps": 61}, {"cls": "SGD", "momentum": 0.9}),
    ("CyclicLR", {"base_lr": 1e-4, "max_lr": 1e-2, "step_size_up": 9}, {"cls": "SGD", "momentum": 0.9}),
    ("CyclicLR", {"base_lr": 1e-4, "max_lr": 1e-2, "step_size_up": 9}, {}),
    ("PolynomialLR", {"total_iters": 40}, {}),
    ("ReduceLROnPlateau", {"patience": 3}, {}),
]


@pytest.mark.parametrize("name, settings, of", SCHEDULERS, ids=[f"{s[0]}-{i}" for i, s in enumerate(SCHEDULERS)])
def test_torchs_schedulers_drive_ours(name, settings, of):
    of = {"lr": 1e-2, **of}
    cls = of.pop("cls", "AdamW")
    found = []
    for module in (st, torch.optim):
        params = parameters()
        optimizer = getattr(module, cls)(params[:2], **of)
        optimizer.add_param_group({"params": params[2:], "lr": 5e-3})
        scheduler = getattr(LR, name)(optimizer, **settings)
        rates = []

        def after():
            scheduler.step(*([len(rates) % 5 + 1.0] if name == "ReduceLROnPlateau" else []))
            rates.append([(group["lr"], group.get("betas"), group.get("momentum")) for group in optimizer.param_groups])

        run(optimizer, params, range(60), after)
        found.append((params, rates))
    (ours, rates), (theirs, expected) = found
    assert rates == expected and len({str(rate) for rate in rates}) > 1
    assert distance(ours, theirs) <= 1e-7


def test_single_precision_is_near_torch():
    ours, theirs = parameters(torch.float32), parameters(torch.float32)
    run(st.AdamW(ours), ours, range(100))
    run(torch.optim.AdamW(theirs), theirs, range(100))
    # a few roundings a step, which do not add up
    assert distance(ours, theirs) <= 100 * 2.0**-24


@pytest.mark.parametrize("dtype, last", [(torch.bfloat16, 2.0**-8), (torch.float16, 2.0**-11)])
def test_half_precision_is_a_step_in_single_precision_rounded(dtype, last):
    halves = parameters(dtype)
    for t in range(10):
        singles = [torch.nn.Parameter(p.detach().float()) for p in halves]
        set_gradients(halves, t)
        for p, q in zip(halves, singles):
            q.grad = p.grad.float()
        optimizer = st.AdamW(halves, lr=0.01)
        optimizer.step()
        torch.optim.AdamW(singles, lr=0.01).step()
        assert all(state["exp_avg"].dtype == torch.float32 for state in optimizer.state.values())
        for p, q in zip(halves, singles):
            off = (p.detach().double() - q.detach().double()).abs()
            assert (off <= 1.001 * last * q.detach().double().abs() + 2.0**-24).all()


def test_attributes_say_what_the_c_functions_say(monkeypatch):
    ours, theirs = parameters(), parameters()
    run(st.AdamW(ours, clip_norm=1.0), ours, range(20))
    monkeypatch.setattr(st, "_QUICK", False)
    run(st.AdamW(theirs, clip_norm=1.0), theirs, range(20))
    assert problem.words([p.detach().numpy() for p in ours]) == problem.words([p.detach().numpy() for p in theirs])


def test_the_number_of_threads_changes_no_bit():
    import subprocess
    import sys

    code = """
import sys, hashlib, torch, steepest, steepest.torch as st
steepest.set_num_threads(int(sys.argv[1]))
torch.manual_seed(1)
params = [torch.nn.Parameter(torch.randn(300, 1000)), torch.nn.Parameter(torch.randn(70_001))]
optimizer = st.Lamb(params, clip_norm=1.0, state_format="8bit")
for _ in range(5):
    for p in params: p.grad = torch.randn_like(p)
    optimizer.step()
assert steepest.get_num_threads() == int(sys.argv[1])
print(hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in params)).hexdigest())
"""
    found = {subprocess.run([sys.executable, "-c", code, n], check=True, capture_output=True, text=True).stdout for n in "123"}
    assert len(found) == 1 and len(found.pop()) == 65
