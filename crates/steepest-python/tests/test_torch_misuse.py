"""steepest.torch where it is misused: exceptions that say what to do, never a crash, and nothing has changed."""

import gc
import threading

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import steepest.torch as st
from hypothesis import given, settings
from hypothesis import strategies as hyp


def parameter(*shape, dtype=torch.float32):
    p = torch.nn.Parameter(torch.ones(*shape, dtype=dtype))
    p.grad = torch.ones(*shape, dtype=dtype)
    return p


def refused(optimizer, error, part, params=()):
    before = [p.detach().clone() for p in params]
    with pytest.raises(error, match=part):
        optimizer.step()
    for p, was in zip(params, before):
        assert torch.equal(p, was)


def test_tensors_that_are_not_plain_memory_of_the_processor():
    for make, error, part in [
        (lambda: torch.nn.Parameter(torch.ones(3, device="meta")), RuntimeError, r"\[0\] is on the meta device"),
        (lambda: torch.nn.Parameter(torch.eye(3).to_sparse()), RuntimeError, "is sparse .* densify it"),
        (lambda: torch.ones(3, dtype=torch.int64), TypeError, "int64, expected float64"),
        (lambda: torch.nn.Parameter(torch.ones(3, dtype=torch.complex64)), TypeError, "complex64, expected float64"),
    ]:
        with pytest.raises(error, match=part):
            st.AdamW([make()])
    if torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="is on cuda:0, expected the CPU"):
            st.AdamW([torch.nn.Parameter(torch.ones(3, device="cuda"))])


def test_sparse_gradients_are_named():
    embedding = torch.nn.Embedding(5, 3, sparse=True)
    embedding(torch.tensor([1, 2])).sum().backward()
    optimizer = st.AdamW(embedding.named_parameters())
    refused(optimizer, RuntimeError, "gradient of weight is sparse .*use `sparse=False`", [embedding.weight])
    assert not optimizer.state


def test_distributed_tensors_are_named(tmp_path):
    tensor = pytest.importorskip("torch.distributed.tensor", reason="torch without distributed tensors")
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        mesh = torch.distributed.init_device_mesh("cpu", (1,))
        p = torch.nn.Parameter(tensor.distribute_tensor(torch.ones(4), mesh, [tensor.Shard(0)]))
        with pytest.raises(RuntimeError, match="is a distributed tensor, expected a plain one; step its local part"):
            st.AdamW([p])
    finally:
        torch.distributed.destroy_process_group()


def test_memory_that_was_freed_or_resized():
    p, q = parameter(40), parameter(40)
    optimizer = st.AdamW([p, q])
    optimizer.step()
    p.data.untyped_storage().resize_(0)
    refused(optimizer, RuntimeError, r"params'\]\[0\] has 40 elements and no memory: it was freed", [q])
    p, q = parameter(40), parameter(40)
    optimizer = st.AdamW([p, q])
    optimizer.step()
    p.grad.untyped_storage().resize_(0)
    refused(optimizer, RuntimeError, "gradient of .* no memory", [p, q])
    # a parameter of another shape has another state
    p.grad = None
    p.data = torch.ones(50)
    p.grad = torch.ones(50)
    refused(optimizer, ValueError, r"state `exp_avg` of .* has shape \(40,\), expected \(50,\)", [p, q])
    optimizer.state.pop(p)
    optimizer.step()
    assert optimizer.state[p]["exp_avg"].shape == (50,)
    # state that was freed is made anew, as state that is missing
    optimizer.state[p]["exp_avg"].untyped_storage().resize_(0)
    with pytest.raises((RuntimeError, ValueError)):
        optimizer.step()


def test_tensors_whose_owners_are_gone():
    p = parameter(1000)
    optimizer = st.AdamW([p])
    for _ in range(5):
        p.grad = torch.ones(1000)
        optimizer.step()
        p.grad = None
        optimizer.state[p] = {k: v.clone() for k, v in optimizer.state[p].items()}
        gc.collect()
    assert optimizer.state[p]["step"].item() == 5.0
    del p
    gc.collect()
    optimizer.step()


def test_memory_that_overlaps():
    base = torch.ones(10)
    p, q = torch.nn.Parameter(base[:6]), torch.nn.Parameter(base[4:])
    p.grad, q.grad = torch.ones(6), torch.ones(6)
    refused(st.SGD([p, q]), ValueError, "parameters, or arrays of their state, overlap in memory", [p, q])
    p = parameter(6)
    p.grad = p.data
    refused(st.SGD([p]), ValueError, "a gradient overlaps in memory with what the step writes", [p])
    p = parameter(6)
    optimizer = st.SGD([p], momentum=0.9)
    optimizer.step()
    optimizer.state[p]["momentum_buffer"] = p.data
    refused(optimizer, ValueError, "overlap in memory", [p])
    p = torch.nn.Parameter(torch.ones(1).expand(5))
    p.grad = torch.ones(5)
    refused(st.SGD([p]), RuntimeError, "shares elements with itself", [p])
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        p = parameter(2)
        st.SGD([{"params": [p]}, {"params": [p]}])


def test_settings_that_are_wrong():
    p = parameter(3)
    for arguments, error, part in [
        ({"lr": -1.0}, ValueError, r"lr = -1 of a parameter group is outside \[0, ∞\)"),
        ({"lr": float("nan")}, ValueError, "lr = NaN"),
        ({"betas": (0.9, 1.0)}, ValueError, r"beta2 = 1 is outside \[0, 1\)"),
        ({"betas": 0.9}, TypeError, "`betas` is 0.9, expected a tuple"),
        ({"betas": (0.9,)}, TypeError, "expected 2 numbers"),
        ({"betas": (0.9, "much")}, TypeError, "expected a number"),
        ({"beta1": 0.9}, TypeError, "unexpected keyword argument 'beta1'"),
        ({"dialect": "torhc"}, (ValueError, TypeError), "dialect"),
        ({"clip_norm": "x"}, TypeError, "str"),
        ({"ema": 0.9}, TypeError, "dict"),
    ]:
        with pytest.raises(error, match=part):
            st.AdamW([p], **arguments)
    optimizer = st.AdamW([p])
    for key, value, error, part in [
        ("lr", float("inf"), ValueError, "lr = inf"),
        ("lr", "fast", TypeError, "must be real number, not str"),
        ("eps", -1.0, ValueError, "eps = -1 is outside"),
        ("betas", None, None, None),
    ]:
        kept = optimizer.param_groups[0][key]
        optimizer.param_groups[0][key] = value
        if error:
            refused(optimizer, error, part, [p])
        else:
            optimizer.step()
        optimizer.param_groups[0][key] = kept
    del optimizer.param_groups[0]["lr"]
    refused(optimizer, ValueError, "has no `lr`", [p])
    with pytest.raises(TypeError, match="no rule"):
        st.Optimizer([p])
    half = parameter(3, 3, dtype=torch.bfloat16)
    with pytest.raises(ValueError, match="it needs the whole tensor in f32 or f64, found bf16"):
        st.Muon([half])


def test_state_that_does_not_fit():
    p = parameter(8192)
    wide, narrow = st.AdamW([p]), st.AdamW([p], state_format="8bit")
    wide.step()
    narrow.step()
    for optimizer, other, part in [(wide, narrow, "kept in 8 bits, expected torch.float32"), (narrow, wide, "expected codes of 8 bits")]:
        fresh = st.AdamW([p], **optimizer._options)
        fresh.load_state_dict(other.state_dict())
        refused(fresh, ValueError, part, [p])
    with pytest.raises(ValueError, match="doesn't match the size"):
        st.AdamW([parameter(1), parameter(2)]).load_state_dict(wide.state_dict())
    wide.state[p]["step"].fill_(float("nan"))
    refused(wide, ValueError, "`step` of .* is NaN", [p])


def test_two_threads_at_once():
    params = [parameter(200_000) for _ in range(4)]
    optimizer = st.AdamW(params, lr=1e-3)
    optimizer.step()
    outcomes = []

    def work():
        for _ in range(30):
            try:
                optimizer.step()
                outcomes.append(True)
            except RuntimeError as error:
                assert "orrowed" in str(error)
                outcomes.append(False)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 120 and any(outcomes)
    assert optimizer.state[params[0]]["step"].item() == 1.0 + sum(outcomes)
    assert all(torch.isfinite(p).all() for p in params)


def test_a_step_lets_other_threads_run():
    p = parameter(30_000_000)
    optimizer = st.AdamW([p])
    optimizer.step()
    ran, done = [], threading.Event()

    def other():
        while not done.is_set():
            ran.append(1)

    thread = threading.Thread(target=other)
    thread.start()
    began = len(ran)
    optimizer.step()
    ended = len(ran)
    done.set()
    thread.join()
    assert ended > began


@settings(max_examples=200, deadline=None)
@given(
    shape=hyp.lists(hyp.integers(0, 4), min_size=0, max_size=4),
    order=hyp.permutations(range(4)),
    gaps=hyp.booleans(),
    offset=hyp.integers(0, 3),
    dtype=hyp.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16]),
    grad_order=hyp.sampled_from(["same", "contiguous", "expanded", "gaps"]),
    name=hyp.sampled_from(["AdamW", "Lamb", "Muon", "Adafactor", "Prodigy", "Kron"]),
    quick=hyp.booleans(),
    bits=hyp.sampled_from([None, "8bit", "bf16"]),
)
def test_tensors_of_any_shape_strides_and_type_are_stepped_or_refused(shape, order, gaps, offset, dtype, grad_order, name, quick, bits):
    axes = [axis for axis in order if axis < len(shape)]
    lengths = [shape[axis] for axis in axes]
    if gaps and lengths:
        lengths[-1] = 2 * lengths[-1]
    size = 1
    for n in lengths:
        size *= n
    # from an offset on, in an order of axes, with gaps
    values = torch.zeros(size + offset, dtype=dtype)[offset:].reshape(lengths)
    if gaps and lengths:
        values = values[..., ::2]
    inverse = [axes.index(axis) for axis in range(len(shape))]
    p = torch.nn.Parameter(values.permute(inverse) if lengths else values)
    assert list(p.shape) == shape
    grad = torch.ones(shape, dtype=dtype)
    p.grad = {
        "same": lambda: torch.ones_like(p),
        "contiguous": lambda: grad,
        "expanded": lambda: torch.ones((), dtype=dtype).expand(shape),
        "gaps": lambda: torch.ones([*shape[:-1], 2 * shape[-1]], dtype=dtype)[..., ::2] if shape else grad,
    }[grad_order]()
    st._QUICK = quick
    try:
        optimizer = getattr(st, name)([p], lr=0.1, state_format=bits)
        optimizer.step()
        optimizer.step()
    except ValueError as error:
        assert dtype in (torch.bfloat16, torch.float16) and name in ("Muon", "Adafactor", "Kron"), error
        assert not p.detach().any()
        return
    finally:
        st._QUICK = True
    assert torch.isfinite(p).all() and (p.numel() == 0 or (p <= 0).all())
    plain = torch.nn.Parameter(torch.zeros(shape, dtype=dtype))
    plain.grad = grad
    other = getattr(st, name)([plain], lr=0.1, state_format=bits)
    other.step()
    other.step()
    assert torch.allclose(p.detach(), plain.detach(), rtol=1e-2 if dtype in (torch.bfloat16, torch.float16) else 1e-5)
    assert optimizer.state[p]["step"].item() == 2.0
