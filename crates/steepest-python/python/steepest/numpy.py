"""Every optimizer of steepest over arrays, in place; functions minimized, gradients checked, schedules.

Arrays are NumPy's, or whatever has the buffer protocol (`array.array`, `memoryview`) or DLPack (JAX on the CPU, for gradients). They keep their memory:
a step changes the parameters where they lie.
"""

import numpy as np

from steepest import _classes, _steepest

__all__ = ["Optimizer", "Schedule", "check_gradient", "minimize"]


def _view(array, what):
    """An array of NumPy over the memory of `array`, without a copy."""
    if isinstance(array, np.ndarray):
        return array
    if isinstance(array, (list, tuple, int, float)):
        raise TypeError(f"{what} is {type(array).__name__}, which has no memory that a step could change; give an array")
    try:
        return np.asarray(memoryview(array))
    except TypeError:
        pass
    if hasattr(array, "__dlpack__"):
        device = getattr(array, "__dlpack_device__", lambda: (1, 0))()
        if device[0] != 1:
            raise ValueError(f"{what} is on another device (DLPack's number {device[0]}), expected the CPU")
        return np.from_dlpack(array)
    raise TypeError(f"{what} is {type(array).__name__}, which has neither the buffer protocol nor DLPack; give an array")


class Optimizer:
    """What all optimizers of this module are; make one of the classes below it.

    It is made with settings alone: its first step says which parameters there are, and later ones bring arrays of the same shapes and types. `lr` is a
    number or a function of the step, counted from 0, such as a `Schedule`; it may be set between steps.
    """

    _entry = None

    def __init__(self, *args, **kwargs):
        if self._entry is None:
            raise TypeError("steepest.numpy.Optimizer has no rule; make one of its classes, such as steepest.numpy.AdamW")
        arguments = _classes.bind(self.__signature__, args, kwargs, type(self).__name__)
        self.lr, settings, maximize, options = _classes.split(self._entry, arguments)
        self._made = (settings, options, maximize)
        self._arrays = _steepest.Arrays(self._entry["name"], settings, options, maximize)

    def step(self, params, grads, *, lr=None, loss=None):
        """One step, in place.

        params: an array, or several in a list, a tuple or a dictionary, always in the same order; their numbers of float64, float32, float16 or bfloat16.
        grads: the same with gradients; None for a parameter that is to be left alone.
        lr: the rate of this step, instead of the optimizer's.
        loss: the loss that the gradients belong to, for optimizers that compute their step from it.
        """
        names, params = _named(params, "params")
        of_grads, grads = _named(grads, "grads")
        if of_grads != names:
            raise ValueError(f"grads are {_short(of_grads)}, expected {_short(names)}, as params are")
        if lr is None:
            lr = self.lr(self.steps_taken) if callable(self.lr) else self.lr
        views = [_view(p, name) for name, p in zip(names, params)]
        written_back = []
        work, of_work = [], []
        for name, p, g in zip(names, views, grads):
            if not p.flags.writeable:
                raise ValueError(f"{name} must not be written; give a copy of it")
            if not p.flags.c_contiguous:
                # gaps, or another order: the step works on a copy, whose numbers go back
                if 0 in p.strides and p.size > 1:
                    raise ValueError(f"{name} shares elements with itself (a broadcast view); give a copy of it")
                copy = p.copy(order="C")
                written_back.append((p, copy))
                p = copy
            if g is not None:
                g = _view(g, f"the gradient of {name}")
                if g.shape != p.shape:
                    raise ValueError(f"the gradient of {name} has shape {g.shape}, expected {p.shape}")
                if not self._entry["half"] or g.dtype.kind != "f" or (g.dtype.itemsize == 8) != (p.dtype.itemsize == 8):
                    g = g.astype(p.dtype, order="C", copy=False)
                if not g.flags.c_contiguous:
                    g = g.copy(order="C")
            work.append(p)
            of_work.append(g)
        self._arrays.step(names, work, of_work, float(lr), None if loss is None else float(loss))
        for p, copy in written_back:
            p[...] = copy

    def set(self, **settings):
        """Changes settings from the next step on, such as `betas`; what alters the state is an error."""
        self._arrays.change(settings)
        self._made = ({**self._made[0], **settings}, *self._made[1:])

    def averaged(self, params):
        """Copies of the parameters with the weights to evaluate with: their average, where one is kept (`ema`, `swa`), Lookahead's slow weights, or what the
        rule means by them. In a list, or in a dictionary where `params` is one.
        """
        names, arrays = _named(params, "params")
        copies = [np.array(_view(p, name), order="C") for name, p in zip(names, arrays)]
        for i, copy in enumerate(copies):
            self._arrays.evaluate(i, copy)
        if isinstance(params, dict):
            return dict(zip(params, copies))
        return copies if isinstance(params, (list, tuple)) else copies[0]

    @property
    def steps_taken(self):
        """Steps taken; one that was skipped does not count."""
        return self._arrays.steps_taken()

    @property
    def last_step(self):
        """What the last step said: `steps`, `gradient_norm`, `clip_factor`, `skipped` (why, or None)."""
        return self._arrays.report()

    def health(self):
        """What is known of each parameter's gradients: a dictionary for each."""
        return self._arrays.health()

    def state(self, param, name):
        """An array or a number of the state of the parameter of this name (its place, or its key), in float64, flat."""
        return np.array(self._arrays.state(str(param), name))

    def state_dict(self):
        """All state, as a dictionary of bytes and lists: the next step gives the same bits."""
        saved = self._arrays.save()
        return {} if saved is None else {"bytes": saved[0], "params": saved[1]}

    def load_state_dict(self, state):
        """Goes on with what `state_dict` gave."""
        if state:
            self._arrays.load(state["bytes"], state["params"])
        else:
            self._arrays = _steepest.Arrays(self._entry["name"], *self._made)

    def __getstate__(self):
        return {"lr": self.lr, "made": self._made, "state": self.state_dict()}

    def __setstate__(self, state):
        self.lr, self._made = state["lr"], state["made"]
        self._arrays = _steepest.Arrays(self._entry["name"], *self._made)
        self.load_state_dict(state["state"])

    def __repr__(self):
        settings = ", ".join(f"{name}={value!r}" for name, value in self._made[0].items())
        return f"{type(self).__name__}(lr={self.lr!r}, {settings})"


def _named(arrays, what):
    """Names and arrays: keys of a dictionary, places of a list."""
    if isinstance(arrays, dict):
        return [str(key) for key in arrays], list(arrays.values())
    if isinstance(arrays, (list, tuple)):
        return [str(i) for i in range(len(arrays))], list(arrays)
    if arrays is None:
        raise TypeError(f"{what} is None, expected an array or several")
    return ["0"], [arrays]


def _short(names):
    return f"{len(names)} ({', '.join(names[:4])}{', …' if len(names) > 4 else ''})"


class Schedule:
    """A learning rate over the steps of a run: called with a step, counted from 0, it gives the rate.

    name: `Schedule.NAMES` has them.
    lr: the rate that its factors are of.
    steps: the length of the run, for schedules that end with it.
    settings: as `Schedule.describe(name)` lists them.
    """

    _TABLE = {name: (summary, rows) for name, summary, rows in _steepest.schedules()}
    NAMES = tuple(_TABLE)

    def __init__(self, name, lr, steps, **settings):
        self._made = (name, lr, steps, settings)
        self._rate = _steepest.Schedule(name, float(lr), int(steps), settings)

    @classmethod
    def describe(cls, name):
        """What a schedule does, and its settings."""
        summary, rows = cls._TABLE[name]
        return "\n".join([summary, *(f"    {row[0]}: {row[2]}; valid: {row[3]} (default {row[1]!r})" for row in rows)])

    def __call__(self, step):
        return self._rate.at(int(step))

    def __reduce__(self):
        name, lr, steps, settings = self._made
        return _schedule, (name, lr, steps, settings)

    def __repr__(self):
        name, lr, steps, settings = self._made
        return f"Schedule({name!r}, lr={lr}, steps={steps}" + "".join(f", {k}={v!r}" for k, v in settings.items()) + ")"


def _schedule(name, lr, steps, settings):
    return Schedule(name, lr, steps, **settings)


class Minimum(dict):
    """What `minimize` found; its entries are attributes, too."""

    __getattr__ = dict.__getitem__
    __dir__ = dict.keys


def _evaluated(fun, jac, shape):
    """`fun` from bytes of a point to value and bytes of the gradient."""

    def evaluate(point):
        x = np.frombuffer(point).reshape(shape).copy()
        if jac is None:
            result = fun(x)
            if not isinstance(result, (tuple, list)) or len(result) != 2:
                raise TypeError(f"the function gives {type(result).__name__}, expected its value and its gradient; or give the gradient as `jac`")
            value, gradient = result
        else:
            value, gradient = fun(x), jac(x)
        gradient = np.ascontiguousarray(gradient, dtype=np.float64)
        if gradient.shape not in (shape, x.ravel().shape):
            raise ValueError(f"the gradient has shape {gradient.shape}, expected {shape}")
        return float(value), gradient.tobytes()

    return evaluate


def minimize(
    fun,
    x0,
    method="lbfgs",
    *,
    jac=None,
    lr=None,
    schedule=None,
    max_steps=1000,
    stop=None,
    clip_norm=None,
    trace=100,
    **settings,
):
    """Minimizes a function of float64 numbers.

    fun: takes an array of the shape of `x0` and gives its value and gradient; its value alone, where `jac` gives the gradient.
    method: the name of an optimizer, or "lbfgs".
    lr: the learning rate; schedule: the name of a schedule for it, or a pair of name and settings.
    max_steps: the most steps; stop: further rules as a dictionary, such as {"gradient_tolerance": {"norm": 1e-6}}: the first that holds ends the run.
    clip_norm: bound gradients to this norm; trace: how many points on the way to keep.
    settings: those of the method.

    Gives `x`, `fun`, `gradient_norm`, `steps`, `best` (step, x, value, gradient norm of the lowest point), `success`, `stopped_by`, `message`, `trace`.
    Exceptions of `fun`, and Ctrl-C, end the run.
    """
    x0 = np.array(x0, dtype=np.float64, order="C")
    rules = {"max_steps": {"steps": int(max_steps)}, **{name: dict(rule) for name, rule in (stop or {}).items()}}
    if isinstance(schedule, str):
        schedule = (schedule, {})
    found = _steepest.minimize(
        _evaluated(fun, jac, x0.shape), x0.ravel().tolist(), method, settings, (lr, schedule), rules, (clip_norm, int(trace))
    )
    found["x"] = np.array(found["x"]).reshape(x0.shape)

    def shaped(point):
        return (point[0], np.array(point[1]).reshape(x0.shape), *point[2:])

    found["best"], found["trace"] = shaped(found["best"]), [shaped(point) for point in found["trace"]]
    return Minimum(found)


def check_gradient(fun, x, *, jac=None, samples=None, seed=0):
    """Compares a gradient with central differences of its function.

    fun: takes an array of the shape of `x` and gives its value and gradient; its value alone, where `jac` gives the gradient.
    samples: how many coordinates to check, drawn by `seed`; None for all.

    Gives `passed`, `message` (one line), `tolerance`, `coordinates` (index, gradient, difference quotient, relative error).
    """
    x = np.array(x, dtype=np.float64, order="C")
    return Minimum(_steepest.check_gradient(_evaluated(fun, jac, x.shape), x.ravel().tolist(), samples, int(seed)))


_classes.make(Optimizer, [], "error", globals())
