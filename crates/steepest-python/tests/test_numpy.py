"""steepest.numpy: steps over arrays, functions, schedules."""

import array
import copy
import pickle

import numpy as np
import problem
import pytest
import steepest
import steepest.numpy as sn
from hypothesis import given, settings
from hypothesis import strategies as st


def make(name, **arguments):
    return getattr(sn, problem.ENTRIES[name]["class"])(**arguments)


def run(optimizer, theta, steps, base, state=None):
    for t in steps:
        optimizer.step(theta, problem.gradients(theta, t), lr=problem.rate(base, t), loss=1.0)


@pytest.mark.parametrize("name", problem.NAMES)
def test_every_optimizer_has_the_bits_of_the_rust_library(name):
    theta = problem.start()
    run(make(name), theta, range(problem.STEPS), problem.default_rate(name))
    assert problem.words(theta) == problem.bits_of_rust()[name]


@pytest.mark.parametrize("name", problem.NAMES)
def test_a_copy_a_pickle_and_a_state_dict_go_on_with_the_same_bits(name):
    base, theta = problem.default_rate(name), problem.start()
    optimizer = make(name, ema={} if not problem.ENTRIES[name]["schedule_free"] else None)
    run(optimizer, theta, range(5), base)
    others = [copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer)), make(name, ema=None)]
    others[2] = type(optimizer)(ema=optimizer._made[1].get("ema"))
    others[2].load_state_dict(optimizer.state_dict())
    thetas = [[x.copy() for x in theta] for _ in others]
    run(optimizer, theta, range(5, 10), base)
    for other, its in zip(others, thetas):
        assert other.steps_taken == 5
        run(other, its, range(5, 10), base)
        assert problem.words(its) == problem.words(theta)
        assert [x.tobytes() for x in other.averaged(its)] == [x.tobytes() for x in optimizer.averaged(theta)]


def test_the_registry_makes_the_classes():
    assert sn.SGD(momentum=0.9).__class__.__name__ == "SGD"
    assert "betas=(0.9, 0.999)" in str(sn.AdamW.__signature__)
    assert "etas=(0.5, 1.2), step_sizes=(1e-06, 50.0)" in str(sn.Rprop.__signature__)
    assert "θ ← (1 − ηλ)θ" in sn.AdamW.__doc__
    for name in problem.NAMES:
        cls = getattr(sn, problem.ENTRIES[name]["class"])
        assert cls.__name__ in sn.__all__ and cls.__doc__ and repr(cls())


def test_arrays_of_any_buffer_are_changed_in_place():
    numbers = array.array("d", [1.0, 2.0])
    sn.SGD(lr=0.5).step(numbers, array.array("d", [1.0, 1.0]))
    assert list(numbers) == [0.5, 1.5]
    memory = bytearray(np.array([1.0, 2.0], dtype=np.float32).tobytes())
    view = memoryview(memory).cast("f")
    sn.SGD(lr=0.5).step(view, np.ones(2, dtype=np.float32))
    assert np.frombuffer(memory, dtype=np.float32).tolist() == [0.5, 1.5]
    half = np.ones(3, dtype=np.float16)
    sn.SGD(lr=0.5).step(half, np.ones(3, dtype=np.float32))
    assert half.tolist() == [0.5] * 3 and half.dtype == np.float16
    # of any order, of another type, with gaps
    whole = np.ones((4, 6))
    for part, grad in [(whole.T, np.ones((6, 4), order="F")), (whole[:, ::2], np.ones((4, 3), dtype=np.float32))]:
        before = whole.copy()
        sn.Muon(lr=0.5).step(part, grad)
        assert not np.array_equal(part, np.broadcast_to(1.0, part.shape)) and not np.array_equal(whole, before)


def test_dlpack_gives_gradients_and_what_is_read_only_is_no_parameter():
    class Foreign:
        """What JAX's arrays are to this: DLPack and no buffer."""

        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **arguments):
            return self.array.__dlpack__(**arguments)

        def __dlpack_device__(self):
            return (1, 0)

    theta = np.ones(3)
    sn.SGD(lr=0.5).step(theta, Foreign(np.ones(3)))
    assert theta.tolist() == [0.5] * 3

    class Elsewhere(Foreign):
        def __dlpack_device__(self):
            return (2, 0)

    with pytest.raises(ValueError, match="on another device .*expected the CPU"):
        sn.SGD().step(theta, Elsewhere(np.ones(3)))
    theta.flags.writeable = False
    with pytest.raises(ValueError, match="must not be written"):
        sn.SGD().step(theta, np.ones(3))


def test_misuse_is_an_exception_and_changes_nothing():
    theta = np.ones(4)
    sgd = sn.SGD(lr=0.5)
    cases = [
        ([1.0, 2.0], [1.0, 1.0], TypeError, "has no memory"),
        (object(), theta, TypeError, "neither the buffer protocol nor DLPack"),
        (theta, np.ones(3), ValueError, "shape"),
        (theta, [np.ones(4), np.ones(4)], ValueError, "grads are 2"),
        (np.ones(4, dtype=np.int64), np.ones(4), TypeError, "int64"),
        (np.ones(4, dtype=complex), np.ones(4), TypeError, "complex128"),
        (theta, theta, ValueError, "overlaps"),
        ([theta[:3], theta[2:]], [np.ones(3), np.ones(2)], ValueError, "overlap"),
        (np.broadcast_to(theta, (3, 4)), np.ones((3, 4)), ValueError, "written"),
        (theta, np.array([1.0, np.nan, 0.0, 0.0]), ArithmeticError, "NaN at index 1"),
        (theta, "text", TypeError, "neither"),
        (theta.astype(">f8"), np.ones(4), TypeError, ">f8"),
    ]
    for params, grads, error, part in cases:
        with pytest.raises(error, match=part):
            sgd.step(params, grads)
        assert theta.tolist() == [1.0] * 4 and sgd.steps_taken == 0
    sgd.step(theta, np.ones(4))
    with pytest.raises(ValueError, match="make another optimizer for other arrays"):
        sgd.step(np.ones(5), np.ones(5))
    with pytest.raises(ValueError, match="learning rate is -1"):
        sgd.step(theta, np.ones(4), lr=-1)
    for arguments, error, part in [
        ({"momentum": 2.0}, ValueError, r"momentum = 2 is outside \[0, 1\)"),
        ({"momentun": 0.9}, TypeError, "momentun"),
        ({"momentum": "much"}, TypeError, "expected a number"),
        ({"nesterov": True}, ValueError, "nesterov needs a momentum"),
        ({"state_format": "4bit"}, ValueError, "expected one of f32, bf16, 8bit"),
        ({"ema": {"decai": 0.9}}, ValueError, "did you mean `decay`"),
        ({"clip_norm": -1.0}, ValueError, "tensor norm|global norm"),
        ({"non_finite": "ignore"}, ValueError, "expected one of unchecked, error, skip"),
    ]:
        with pytest.raises(error, match=part):
            sn.SGD(**arguments)
    with pytest.raises(ValueError, match="computes its step from the loss"):
        sn.Polyak().step(np.ones(2), np.ones(2))
    with pytest.raises(TypeError, match="no rule"):
        sn.Optimizer()


def test_clipping_averages_and_settings_between_steps():
    theta, grad = np.array([3.0, 4.0]), np.array([30.0, 40.0])
    sgd = sn.SGD(lr=1.0, clip_norm=1.0, ema={"decay": 0.5})
    sgd.step(theta, grad)
    assert np.allclose(theta, [2.4, 3.2], rtol=1e-6)
    assert sgd.last_step["gradient_norm"] == 50.0 and abs(sgd.last_step["clip_factor"] - 0.02) < 1e-9
    sgd.step(theta, grad)
    assert np.allclose(sgd.averaged(theta), [2.1, 2.8], rtol=1e-6) and np.allclose(theta, [1.8, 2.4], rtol=1e-6)
    assert sgd.health()[0]["norm"] == 50.0
    adam = sn.AdamW(lr=0.0)
    adam.step({"w": theta}, {"w": grad})
    adam.set(betas=(0.5, 0.5))
    adam.step({"w": theta}, {"w": grad})
    # 0.1·g, then half of it and half of g
    assert np.allclose(adam.state("w", "exp_avg"), 0.05 * grad + 0.5 * grad)
    with pytest.raises(ValueError, match="alters what is kept"):
        adam.set(amsgrad=True)
    skip = sn.SGD(non_finite="skip")
    skip.step(theta, np.array([np.inf, 0.0]))
    assert "inf at index 0" in skip.last_step["skipped"] and skip.steps_taken == 0
    small = sn.AdamW(state_format="8bit")
    small.step(np.ones(8192, dtype=np.float32), np.ones(8192, dtype=np.float32))
    assert small.state("0", "exp_avg").shape == (8192,)


def test_a_parameter_without_a_gradient_is_left_alone():
    one, two = np.ones(2), np.ones(2)
    sgd = sn.SGD(lr=0.5)
    sgd.step([one, two], [np.ones(2), None])
    assert one.tolist() == [0.5, 0.5] and two.tolist() == [1.0, 1.0]


def test_functions_are_minimized():
    def bowl(x):
        assert x.shape == (2, 2)
        return ((x - 3.0) ** 2).sum(), 2.0 * (x - 3.0)

    for method, arguments in [("lbfgs", {}), ("adamw", {"lr": 0.1, "weight_decay": 0.0, "schedule": "cosine"}), ("sgd", {"lr": 0.3})]:
        found = sn.minimize(bowl, np.zeros((2, 2)), method, **arguments)
        assert found.success and np.abs(found.x - 3.0).max() < 1e-3, (method, found)
        assert found["x"].shape == found.best[1].shape == (2, 2) and found.trace[0][0] == 0
    separate = sn.minimize(lambda x: float(x @ x), [1.0, 2.0], jac=lambda x: 2.0 * x, stop={"gradient_tolerance": {"norm": 1e-3}}, method="sgd", lr=0.1)
    assert separate.stopped_by == "gradient_tolerance"

    class Mine(Exception):
        pass

    def fails(x):
        raise Mine("in the function")

    with pytest.raises(Mine, match="in the function"):
        sn.minimize(fails, [1.0])
    for function, error, part in [
        (lambda x: 1.0, TypeError, "value and its gradient"),
        (lambda x: (1.0, np.ones(3)), ValueError, "shape"),
        (lambda x: (np.nan, np.ones(1)), ArithmeticError, "the function is NaN"),
        (lambda x: ("a", np.ones(1)), ValueError, "could not convert"),
    ]:
        with pytest.raises(error, match=part):
            sn.minimize(function, [1.0])
    for arguments, error, part in [
        ({"method": "adamv"}, ValueError, "did you mean `adam"),
        ({"method": "sgd", "mometum": 0.9}, TypeError, "no argument `mometum`"),
        ({"schedule": "cosinus"}, ValueError, "no schedule is called"),
        ({"stop": {"never": {}}}, ValueError, "no stop rule is called"),
    ]:
        with pytest.raises(error, match=part):
            sn.minimize(bowl, np.zeros((2, 2)), **arguments)


def test_gradients_are_checked():
    right = sn.check_gradient(lambda x: ((x**3).sum(), 3.0 * x**2), np.ones((2, 3)))
    assert right.passed and len(right.coordinates) == 6
    wrong = sn.check_gradient(lambda x: ((x**3).sum(), 3.1 * x**2), np.ones((2, 3)), samples=2)
    assert not wrong.passed and "DISAGREES" in wrong.message and len(wrong.coordinates) == 2


def test_schedules_give_rates():
    cosine = sn.Schedule("cosine", lr=0.1, steps=100)
    assert cosine(0) == 0.1 and abs(cosine(50) - 0.05) < 1e-12 and cosine(100) < 1e-12
    assert pickle.loads(pickle.dumps(cosine))(50) == cosine(50)
    theta = np.array([1.0])
    sgd = sn.SGD(lr=sn.Schedule("step", lr=1.0, steps=10, size=1, gamma=0.5))
    for _ in range(3):
        sgd.step(theta, np.array([1.0]))
    assert theta[0] == 1.0 - 1.0 - 0.5 - 0.25
    assert "warmup" in sn.Schedule.NAMES and "gamma" in sn.Schedule.describe("step")
    for name in sn.Schedule.NAMES:
        assert np.isfinite(sn.Schedule(name, lr=0.1, steps=50)(10)), name
    with pytest.raises(ValueError, match="step has no setting `gama`; did you mean `gamma`"):
        sn.Schedule("step", lr=0.1, steps=10, gama=0.5)


def test_threads_are_set_once_and_said():
    assert steepest.get_num_threads() >= 1
    with pytest.raises(ValueError, match="expected at least 1"):
        steepest.set_num_threads(0)
    with pytest.raises(RuntimeError, match="already"):
        steepest.set_num_threads(1)


@settings(max_examples=150, deadline=None)
@given(
    shape=st.lists(st.integers(0, 5), min_size=0, max_size=4),
    dtype=st.sampled_from(["f8", "f4", "f2", ">f8", "i4", "c8"]),
    grad_dtype=st.sampled_from(["f8", "f4", "f2", "i2"]),
    order=st.sampled_from(["C", "F"]),
    step=st.integers(-2, 3).filter(bool),
    name=st.sampled_from(["AdamW", "Lamb", "Muon", "Sm3", "Prodigy"]),
    misaligned=st.booleans(),
)
def test_arrays_of_any_shape_order_and_type_are_stepped_or_refused(shape, dtype, grad_dtype, order, step, name, misaligned):
    whole = np.zeros([2 * n + 4 for n in shape], dtype=dtype, order=order)
    theta = whole[(*(slice(None, None, step) for _ in shape), ...)][(*(slice(0, n) for n in shape), ...)]
    if misaligned and dtype in ("f8", "f4") and theta.size:
        theta = np.frombuffer(bytearray(theta.nbytes + 1), dtype="u1")[1:].view(dtype).reshape(shape)
    grad = np.ones(shape, dtype=grad_dtype, order=order)
    optimizer = getattr(sn, name)(lr=0.1)
    # half precision is not for rules that need the whole tensor
    try:
        optimizer.step(theta, grad)
    except (TypeError, ValueError) as error:
        assert dtype in (">f8", "i4", "c8", "f2") or misaligned, error
        assert not np.any(theta) and not np.any(whole)
        return
    assert dtype in ("f8", "f4", "f2")
    assert np.all(np.isfinite(theta.astype("f8"))) and (theta.size == 0 or np.all(theta <= 0))
    expected = np.zeros(shape, dtype=dtype)
    getattr(sn, name)(lr=0.1).step(expected, grad.copy(order="C"))
    assert np.array_equal(theta, expected)


def test_both_clips_bound_the_step():
    both = sn.SGD(lr=1.0, clip_norm=1.0, clip_value=0.7)
    x = np.zeros(2)
    both.step(x, np.array([30.0, -40.0]))
    assert np.allclose(x, [-0.6, 0.7], atol=1e-6) and x[1] == 0.7


def test_one_average_is_kept():
    with pytest.raises(ValueError, match="give one of them"):
        sn.AdamW(ema={}, swa={})
