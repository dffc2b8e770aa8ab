"""steepest.torch in the ways that people use optimizers of torch."""

import copy
import io
import pickle

import problem
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import steepest.torch as st

X = torch.linspace(-1.0, 1.0, 96).reshape(12, 8)
Y = (X.sum(1, keepdim=True)).sin()


def model():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(8, 70), torch.nn.Tanh(), torch.nn.Linear(70, 1))


def loss_of(m):
    return torch.nn.functional.mse_loss(m(X), Y)


def train(optimizer, m, steps):
    def closure():
        optimizer.zero_grad()
        loss = loss_of(m)
        loss.backward()
        return loss

    for _ in range(steps):
        loss = optimizer.step(closure)
    return loss.item()


def bits(m):
    return [p.detach().numpy().tobytes() for p in m.parameters()]


CLASSES = [entry["class"] for entry in problem.ENTRIES.values()]
RATES = {entry["class"]: entry["lr"] for entry in problem.ENTRIES.values()}
# what composes with a rule, where it can
COMPOSED = {"clip_norm": 0.5, "state_format": "8bit", "ema": {"decay": 0.9}, "rounding_seed": 3}


def options(name):
    schedule_free = next(entry["schedule_free"] for entry in problem.ENTRIES.values() if entry["class"] == name)
    return {key: value for key, value in COMPOSED.items() if key != "ema" or not schedule_free}


def make(name, m, **more):
    # small tensors keep their state wide; this one is large enough
    return getattr(st, name)(m.parameters(), lr=RATES[name] / 10, **more)


def wide_model():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(8, 600), torch.nn.Tanh(), torch.nn.Linear(600, 1))


def saved(optimizer):
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("name", CLASSES)
def test_pickle_deepcopy_and_files_go_on_with_the_same_bits(name):
    m = wide_model()
    optimizer = make(name, m, **options(name))
    train(optimizer, m, 3)
    ways = {}
    both = copy.deepcopy((m, optimizer))
    ways["deepcopy"] = both
    ways["pickle"] = pickle.loads(pickle.dumps((m, optimizer)))
    other = wide_model()
    other.load_state_dict(copy.deepcopy(m.state_dict()))
    again = make(name, other, **options(name))
    again.load_state_dict(saved(optimizer))
    ways["file"] = (other, again)
    started = copy.deepcopy(other)
    late = make(name, started, **options(name))
    # into an optimizer that has gone elsewhere in the meantime
    train(late, started, 2)
    started.load_state_dict(copy.deepcopy(m.state_dict()))
    late.load_state_dict(saved(optimizer))
    ways["file, later"] = (started, late)
    train(optimizer, m, 3)
    for way, (its, of) in ways.items():
        assert type(of) is type(optimizer)
        train(of, its, 3)
        assert bits(its) == bits(m), way
        for (_, mine), (_, theirs) in zip(optimizer.state.items(), of.state.items()):
            assert {k: v.tolist() for k, v in mine.items()} == {k: v.tolist() for k, v in theirs.items()}, way


def test_state_has_torchs_names_and_lies_in_torchs_tensors():
    m = wide_model()
    optimizer = st.AdamW(m.parameters(), state_format="8bit")
    assert not optimizer.state
    train(optimizer, m, 1)
    weight, bias = m[0].weight, m[0].bias
    assert set(optimizer.state[weight]) == {"exp_avg", "exp_avg.scales", "exp_avg_sq", "exp_avg_sq.scales", "step"}
    assert optimizer.state[weight]["exp_avg"].dtype == torch.uint8 and optimizer.state[weight]["exp_avg"].shape == weight.shape
    assert set(optimizer.state[bias]) == {"exp_avg", "exp_avg_sq", "step"}
    assert optimizer.state[bias]["exp_avg"].dtype == torch.float32 and optimizer.state[bias]["step"].item() == 1.0
    # what is changed there is changed
    plain = st.SGD(m.parameters(), lr=1.0, momentum=0.5)
    train(plain, m, 1)
    for p in m.parameters():
        plain.state[p]["momentum_buffer"].fill_(2.0)
        p.grad = torch.zeros_like(p)
    before = m[0].bias.detach().clone()
    plain.step()
    assert torch.equal(m[0].bias, before - 1.0)
    # an array that is another now, a state that is gone: the step begins anew with it
    plain.state[m[0].bias]["momentum_buffer"] = torch.zeros_like(m[0].bias)
    plain.state[m[2].bias] = {}
    before = m[0].bias.detach().clone(), m[2].bias.detach().clone()
    plain.step()
    assert torch.equal(m[0].bias, before[0]) and torch.equal(m[2].bias, before[1])
    assert plain.state[m[2].bias]["step"].item() == 1.0


def test_a_step_is_counted_beyond_what_f32_holds():
    p = torch.nn.Parameter(torch.ones(1))
    optimizer = st.AdamW([p])
    p.grad = torch.ones(1)
    optimizer.step()
    optimizer.state[p]["step"].fill_(2.0**24)
    for _ in range(3):
        optimizer.step()
    assert optimizer.last_step["steps"] == 2**24 + 3


def test_closures_and_hooks_and_returns():
    m = model()
    optimizer = st.AdamW(m.parameters(), lr=1e-2)
    seen = []
    optimizer.register_step_pre_hook(lambda *_: seen.append("pre"))
    optimizer.register_step_post_hook(lambda *_: seen.append("post"))
    first = train(optimizer, m, 1)
    assert seen == ["pre", "post"] and train(optimizer, m, 30) < first
    assert optimizer.step() is None
    polyak = st.Polyak(m.parameters())
    loss_of(m).backward()
    with pytest.raises(ValueError, match="computes its step from the loss, found none"):
        polyak.step()
    polyak.step(loss=0.5)
    polyak.step(loss=torch.tensor(0.5))
    train(polyak, m, 2)


def test_the_gradient_scaler_unscales_and_skips():
    ours, theirs = model(), model()
    found = []
    for m, cls in ((ours, st.AdamW), (theirs, torch.optim.AdamW)):
        optimizer, scaler = cls(m.parameters(), lr=1e-2), torch.amp.GradScaler("cpu", init_scale=1024.0)
        for step in range(6):
            optimizer.zero_grad()
            scaler.scale(loss_of(m)).backward()
            if step == 2:
                m[0].weight.grad[0, 0] = float("inf")
            if step == 4:
                scaler.unscale_(optimizer)
                torch.nn.utils.clip_grad_norm_(m.parameters(), 0.1)
            scaler.step(optimizer)
            scaler.update()
        found.append((scaler.get_scale(), [state["step"].item() for state in optimizer.state.values()]))
    assert found[0] == found[1] == (512.0, [5.0] * 4)
    for p, q in zip(ours.parameters(), theirs.parameters()):
        assert torch.allclose(p, q, rtol=1e-5, atol=1e-7)


def test_gradients_are_accumulated_and_frozen_parameters_stay():
    ours, theirs = model(), model()
    for m, cls in ((ours, st.AdamW), (theirs, torch.optim.AdamW)):
        m[0].weight.requires_grad_(False)
        optimizer = cls(m.parameters(), lr=1e-2)
        for step in range(4):
            optimizer.zero_grad()
            for _ in range(3):
                loss_of(m).backward()
            if step == 1:
                m[2].bias.grad = None
            optimizer.step()
        assert m[0].weight not in optimizer.state and optimizer.state[m[2].bias]["step"].item() == 3.0
    assert torch.equal(ours[0].weight, theirs[0].weight)
    for p, q in zip(ours.parameters(), theirs.parameters()):
        assert torch.allclose(p, q, rtol=1e-5, atol=1e-7)


def test_a_parameter_that_joins_what_all_measure_knows_what_they_do():
    """Prodigy's distance belongs to all parameters, also to those that had no gradient yet."""
    import numpy as np

    import steepest.numpy as sn

    torch_params = [torch.nn.Parameter(torch.ones(3, dtype=torch.float64)) for _ in range(2)]
    arrays = [np.ones(3) for _ in range(2)]
    ours, theirs = st.Prodigy(torch_params), sn.Prodigy()
    for step in range(8):
        if step == 6:
            ours = pickle.loads(pickle.dumps((torch_params, ours)))
            torch_params, ours = ours
        grads = [np.array([1.0, -2.0, 3.0]), None if step < 4 else np.array([0.5, 0.25, -1.0])]
        for p, g in zip(torch_params, grads):
            p.grad = None if g is None else torch.from_numpy(g)
        ours.step()
        theirs.step(arrays, grads, lr=1.0)
        assert [p.detach().numpy().tobytes() for p in torch_params] == [a.tobytes() for a in arrays], step


def test_groups_are_added_after_a_step_and_settings_are_read_in_each():
    ours, theirs = model(), model()
    for m, cls in ((ours, st.AdamW), (theirs, torch.optim.AdamW)):
        optimizer = cls(m[0].parameters(), lr=1e-2, weight_decay=0.1)
        loss_of(m).backward()
        optimizer.step()
        optimizer.add_param_group({"params": m[2].parameters(), "lr": 5e-3, "betas": (0.5, 0.9)})
        train(optimizer, m, 2)
        optimizer.param_groups[0]["betas"] = (0.7, 0.8)
        optimizer.param_groups[1]["weight_decay"] = 0.0
        optimizer.param_groups[1]["eps"] = 1e-3
        optimizer.param_groups[0]["lr"] = torch.tensor(2e-2)
        train(optimizer, m, 2)
        optimizer.param_groups[0]["lr"] = 1e-2
        train(optimizer, m, 1)
    for p, q in zip(ours.parameters(), theirs.parameters()):
        assert torch.allclose(p, q, rtol=1e-5, atol=1e-7)


def test_a_setting_that_needs_more_state_gets_it():
    m = model()
    optimizer = st.AdamW(m.parameters())
    train(optimizer, m, 2)
    for group in optimizer.param_groups:
        group["amsgrad"] = True
    train(optimizer, m, 2)
    state = optimizer.state[m[0].weight]
    assert state["step"].item() == 4.0 and (state["max_exp_avg_sq"] >= state["exp_avg_sq"]).all()
    optimizer.param_groups[0]["betas"] = (1.5, 0.9)
    before = bits(m)
    with pytest.raises(ValueError, match=r"beta1 = 1.5 is outside \[0, 1\)"):
        optimizer.step()
    assert bits(m) == before
    optimizer.param_groups[0]["betas"] = (0.9, 0.999)
    train(optimizer, m, 1)


def test_a_model_that_becomes_another_type_goes_on():
    m = model()
    optimizer = st.AdamW(m.parameters(), lr=1e-2)
    train(optimizer, m, 3)
    m.double()
    for p in m.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()
    state = optimizer.state[m[0].weight]
    assert state["exp_avg"].dtype == torch.float64 and state["step"].item() == 4.0


def test_rules_that_measure_all_parameters_are_one_rule():
    m = model()
    with pytest.raises(ValueError, match="its groups have different settings"):
        st.Prodigy([{"params": [m[0].weight]}, {"params": [m[0].bias], "d_coef": 2.0}])
    optimizer = st.Prodigy([{"params": [m[0].weight], "weight_decay": 0.1}, {"params": [m[0].bias]}])
    whole = st.Prodigy([{"params": [m[0].weight]}, {"params": [m[0].bias]}])
    del whole
    train(optimizer, m, 2)
    for group in optimizer.param_groups:
        group["d_coef"] = 0.5
    train(optimizer, m, 2)
    ds = {optimizer.state[p]["d"].item() for p in (m[0].weight, m[0].bias)}
    assert len(ds) == 1 and ds.pop() > 1e-6


@pytest.mark.parametrize("name", ["AdamW", "Lamb", "Muon", "Adafactor"])
@pytest.mark.parametrize("layout", ["channels_last", "transposed", "gaps", "gradient elsewhere", "wide gradient"])
def test_parameters_and_gradients_in_any_order(name, layout):
    torch.manual_seed(2)
    values, grads = torch.randn(6, 5, 4, 3), [torch.randn(6, 5, 4, 3) for _ in range(4)]
    plain = torch.nn.Parameter(values.clone())
    other = {
        "channels_last": lambda: values.to(memory_format=torch.channels_last),
        "transposed": lambda: values.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0),
        "gaps": lambda: torch.zeros(6, 5, 4, 6)[..., ::2].copy_(values),
    }.get(layout, values.clone)()
    other = torch.nn.Parameter(other)
    assert other.is_contiguous() == (layout in ("gradient elsewhere", "wide gradient"))
    optimizers = [getattr(st, name)([p], lr=0.1) for p in (plain, other)]
    for g in grads:
        plain.grad = g.clone()
        other.grad = torch.empty_like(other).copy_(g) if layout != "gradient elsewhere" else g.to(memory_format=torch.channels_last)
        if layout == "wide gradient":
            other.grad = torch.zeros(6, 5, 4, 6)[..., ::2].copy_(g)
        for optimizer in optimizers:
            optimizer.step()
    if name in ("AdamW", "Muon", "Adafactor"):
        assert torch.equal(plain, other)
    # sums go over the elements in the order in which they lie
    assert torch.allclose(plain, other, rtol=1e-5, atol=1e-6)
    assert all(not optimizer.state[p]["step"].item() - 4 for optimizer, p in zip(optimizers, (plain, other)))


def test_an_expanded_gradient_counts_as_what_it_shows():
    p, q = (torch.nn.Parameter(torch.ones(4, 3)) for _ in range(2))
    p.grad, q.grad = torch.ones(1, 1).expand(4, 3), torch.ones(4, 3)
    st.SGD([p], lr=0.5).step()
    st.SGD([q], lr=0.5).step()
    assert torch.equal(p, q) and p.eq(0.5).all()


def test_autograd_sees_the_step():
    w = torch.nn.Parameter(torch.randn(3))
    optimizer = st.AdamW([w])
    loss = (w**3).sum()
    loss.backward(retain_graph=True)
    version = w._version
    optimizer.step()
    assert w._version > version
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    frozen = torch.nn.Parameter(torch.randn(3))
    both = st.AdamW([w, frozen])
    version = frozen._version
    both.step()
    assert frozen._version == version


def test_clipping_is_torchs_and_leaves_gradients_alone():
    ours, theirs = model(), model()
    optimizer, other = st.SGD(ours.parameters(), lr=0.1, clip_norm=0.01), torch.optim.SGD(theirs.parameters(), lr=0.1)
    for m in (ours, theirs):
        loss_of(m).backward()
    before = [p.grad.clone() for p in ours.parameters()]
    optimizer.step()
    norm = torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.01)
    other.step()
    assert all(torch.equal(p.grad, g) for p, g in zip(ours.parameters(), before))
    assert abs(optimizer.last_step["gradient_norm"] - norm.item()) < 1e-6 and optimizer.last_step["clip_factor"] < 1.0
    for p, q in zip(ours.parameters(), theirs.parameters()):
        assert torch.allclose(p, q, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_averages_are_torchs_and_every_bit_comes_back(kind):
    swa = torch.optim.swa_utils
    average = {"ema": swa.get_ema_multi_avg_fn(0.9), "swa": swa.get_swa_multi_avg_fn()}[kind]
    m = model()
    averaged = swa.AveragedModel(m, multi_avg_fn=average)
    optimizer = st.AdamW(m.parameters(), lr=1e-2, **{kind: {"decay": 0.9} if kind == "ema" else {}})
    for _ in range(10):
        train(optimizer, m, 1)
        averaged.update_parameters(m)
    before = bits(m)
    with optimizer.averaged() as within:
        assert within is optimizer and bits(m) != before
        for p, q in zip(m.parameters(), averaged.module.parameters()):
            assert torch.allclose(p, q, rtol=1e-5, atol=1e-7)
    assert bits(m) == before
    with pytest.raises(KeyError), optimizer.averaged():
        raise KeyError
    assert bits(m) == before


def test_averages_that_begin_in_the_middle_of_a_run_begin_with_the_weights():
    m = model()
    optimizer = st.AdamW(m.parameters(), lr=1e-2)
    train(optimizer, m, 5)
    with optimizer.averaged():
        pass
    other = st.AdamW(m.parameters(), lr=1e-2, ema={"decay": 0.5})
    other.load_state_dict(optimizer.state_dict())
    before = [p.detach().clone() for p in m.parameters()]
    train(other, m, 1)
    with other.averaged():
        inside = [p.detach().clone() for p in m.parameters()]
    for a, b, c in zip(before, inside, m.parameters()):
        assert torch.allclose(b, 0.5 * a + 0.5 * c, atol=1e-6)


def test_schedule_free_weights_are_evaluated_where_they_mean():
    m = model()
    optimizer = st.ScheduleFreeAdamW(m.parameters(), lr=1e-2)
    train(optimizer, m, 20)
    before = bits(m)
    with optimizer.averaged():
        assert bits(m) != before
    assert bits(m) == before


def test_health_names_what_is_wrong():
    m = model()
    optimizer = st.AdamW(m.named_parameters(), non_finite="error", measure_updates=1)
    for _ in range(25):
        train(optimizer, m, 1)
    rows = {row["name"]: row for row in optimizer.health()}
    assert set(rows) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert rows["0.weight"]["verdict"] == "normal" and rows["0.weight"]["seen"] == 25 and rows["0.weight"]["update_ratio"] > 0
    before = bits(m)
    m[0].weight.grad[3, 1] = float("nan")
    with pytest.raises(ArithmeticError, match="the gradient of `0.weight` is NaN at index 25"):
        optimizer.step()
    assert bits(m) == before and optimizer.state[m[0].weight]["step"].item() == 25.0
    skip = st.AdamW(m.named_parameters(), non_finite="skip")
    skip.step()
    assert "`0.weight` is NaN" in skip.last_step["skipped"] and bits(m) == before
    assert not any(state["step"].item() for state in skip.state.values())


def test_distributed_checkpoints_hold_the_state():
    dcp = pytest.importorskip("torch.distributed.checkpoint.state_dict", reason="torch without distributed checkpoints")
    m = wide_model()
    optimizer = st.AdamW(m.parameters(), lr=1e-2, state_format="8bit")
    train(optimizer, m, 3)
    state = copy.deepcopy(dcp.get_optimizer_state_dict(m, optimizer))
    assert state["state"]["0.weight"]["exp_avg"].dtype == torch.uint8
    other = wide_model()
    other.load_state_dict(copy.deepcopy(m.state_dict()))
    again = st.AdamW(other.parameters(), lr=1e-2, state_format="8bit")
    dcp.set_optimizer_state_dict(other, again, state)
    train(optimizer, m, 3)
    train(again, other, 3)
    assert bits(m) == bits(other)


def test_lightning_fits_and_resumes(tmp_path):
    lightning = pytest.importorskip("lightning", reason="lightning is not installed")

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.m = model()

        def training_step(self, batch, _):
            return torch.nn.functional.mse_loss(self.m(batch[0]), batch[1])

        def configure_optimizers(self):
            optimizer = st.AdamW(self.parameters(), lr=1e-2)
            return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)]

    def trainer(epochs):
        quiet = dict(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
        return lightning.Trainer(max_epochs=epochs, default_root_dir=tmp_path, gradient_clip_val=1.0, **quiet)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=4)
    whole, half = Module(), Module()
    trainer(4).fit(whole, data)
    first = trainer(2)
    first.fit(half, data)
    first.save_checkpoint(tmp_path / "half.ckpt")
    rest = Module()
    trainer(4).fit(rest, data, ckpt_path=tmp_path / "half.ckpt", weights_only=False)
    assert bits(whole) == bits(rest) != bits(half)
