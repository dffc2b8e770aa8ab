"""Every optimizer of steepest as a `torch.optim.Optimizer`, on torch's own memory.

The state of a parameter lies in `optimizer.state[p]` as tensors, under torch's names where torch has them, and the settings in
`param_groups`, which are read in each step. So schedulers, hooks, `state_dict`, `pickle`, `copy.deepcopy`, `GradScaler` and what is built on them
work as with torch's own. Parameters are on the CPU.
"""

import contextlib
import functools
import inspect
import itertools
import sys

import torch
from torch.autograd.graph import increment_version

from steepest import _classes, _steepest

__all__ = ["Optimizer", "from_torch", "to_torch"]


class Optimizer(torch.optim.Optimizer):
    """What all optimizers of this module are; make one of the classes below it."""

    _entry = None
    # gradients are unscaled before the step, as GradScaler does by itself
    _step_supports_amp_scaling = False

    def __init__(self, *args, **kwargs):
        if self._entry is None:
            raise TypeError("steepest.torch.Optimizer has no rule; make one of its classes, such as steepest.torch.AdamW")
        arguments = _classes.bind(self.__signature__, args, kwargs, type(self).__name__)
        lr, settings, maximize, options = _classes.split(self._entry, arguments)
        self._options = options
        self._stepper = None
        super().__init__(arguments["params"], dict(lr=lr, **settings, maximize=maximize))
        # settings that are wrong are known now
        self._core()

    # ------------------------------------------------------------------------------------------
    # steps
    # ------------------------------------------------------------------------------------------

    def step(self, closure=None, *, loss=None):
        """One step with the gradients of the parameters; those without one are left alone, and their step number too.

        closure: evaluates the model again and returns the loss, which this returns.
        loss: the loss that the gradients belong to, for optimizers that compute their step from it; the closure's, where there is one.
        """
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        number = loss.item() if torch.is_tensor(loss) else loss
        updated = None
        if self._stepper is not None:
            updated = self._stepper.step(self, self.param_groups, self.state, number)
        if updated is None:
            # parameters or groups are others than before; all that matters is in the state
            self._stepper = None
            updated = self._core().step(self, self.param_groups, self.state, number)
        if updated is None:
            raise RuntimeError("parameters changed while the step was prepared; nothing was changed")
        increment_version(updated)
        return loss

    def _core(self):
        """The compiled half, made anew where it has become another optimizer's."""
        if self._stepper is None:
            names = [self._name(i) for i in range(sum(len(group["params"]) for group in self.param_groups))]
            for i, p in enumerate(self._params()):
                plain = p.layout is torch.strided and p.device.type == "cpu" and not hasattr(p, "device_mesh")
                if not plain or not p.is_floating_point():
                    raise self._explain(p, i, "parameter")
            self._stepper = _steepest.Stepper(self._entry["name"], self.param_groups, names, torch.Tensor, self._options, _QUICK)
        return self._stepper

    def _params(self):
        return itertools.chain.from_iterable(group["params"] for group in self.param_groups)

    def _name(self, i):
        """What errors call parameter `i`, and random rounding keys it by."""
        for g, group in enumerate(self.param_groups):
            if i < len(group["params"]):
                names = group.get("param_names")
                return names[i] if names else f"param_groups[{g}]['params'][{i}]"
            i -= len(group["params"])
        return f"parameter {i}"

    def _explain(self, tensor, i, what):
        """The exception that says why a tensor cannot be stepped, and what to do."""
        name = self._name(i)
        subject = f"{what} {name}" if what == "parameter" else f"{what} of {name}"
        if not isinstance(tensor, torch.Tensor):
            return TypeError(f"{subject} is {type(tensor).__name__}, expected a tensor")
        if hasattr(tensor, "to_local") and hasattr(tensor, "device_mesh"):
            return RuntimeError(f"{subject} is a distributed tensor, expected a plain one; step its local part, `to_local()`")
        if tensor.layout is not torch.strided:
            return RuntimeError(
                f"{subject} is sparse ({tensor.layout}), expected a dense one; use `sparse=False`, or densify it with `to_dense()`"
            )
        if tensor.device.type == "meta":
            return RuntimeError(f"{subject} is on the meta device and has no memory; give it some with `to_empty(device='cpu')`")
        if tensor.device.type != "cpu":
            return RuntimeError(f"{subject} is on {tensor.device}, expected the CPU; move the model with `model.cpu()`")
        if not tensor.is_floating_point():
            return TypeError(f"{subject} is {tensor.dtype}, expected float64, float32, bfloat16 or float16")
        if tensor.numel() and tensor.data_ptr() == 0:
            return RuntimeError(f"{subject} has {tensor.numel()} elements and no memory: it was freed")
        parameter = next(itertools.islice(self._params(), i, None))
        if what == "gradient" and tensor.shape != parameter.shape:
            return RuntimeError(f"{subject} has shape {tuple(tensor.shape)}, expected {tuple(parameter.shape)}")
        return RuntimeError(
            f"{subject} ({tensor.dtype}, shape {tuple(tensor.shape)}, strides {tensor.stride()}) cannot be stepped as it lies in memory; "
            "give a copy of it, with `contiguous()` or `clone()`"
        )

    # ------------------------------------------------------------------------------------------
    # what the compiled half asks for
    # ------------------------------------------------------------------------------------------

    @staticmethod
    def _check_there(tensor):
        """Refuses what torch itself would not: elements beyond the end of their memory."""
        last = tensor.storage_offset() + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.stride()))
        if tensor.numel() and tensor.untyped_storage().nbytes() < (last + 1) * tensor.element_size():
            raise RuntimeError(
                f"a tensor of shape {tuple(tensor.shape)} reaches beyond its storage of {tensor.untyped_storage().nbytes()} bytes: it was "
                "freed or resized; nothing was changed"
            )

    @staticmethod
    @torch.no_grad()
    def _contiguous(p):
        """A copy of a parameter whose elements follow one another, for rules that need the tensor as a whole, or for gaps in memory."""
        if any(size > 1 and stride == 0 for size, stride in zip(p.shape, p.stride())):
            raise RuntimeError("a parameter shares elements with itself (`expand`); give it memory of its own, with `clone()`")
        Optimizer._check_there(p)
        return p.detach().clone(memory_format=torch.contiguous_format)

    @staticmethod
    @torch.no_grad()
    def _like(p, grad):
        """A gradient as its parameter lies in memory, and in its type."""
        Optimizer._check_there(grad)
        return torch.empty_like(p, memory_format=torch.preserve_format).copy_(grad.detach())

    @staticmethod
    @torch.no_grad()
    def _copy_back(p, copy):
        p.detach().copy_(copy)

    @staticmethod
    @torch.no_grad()
    def _fresh(p, like, layout):
        """Tensors for the state of a parameter, whatever they hold: those of its shape lie as it does."""
        return [
            torch.empty_like(like, dtype=getattr(torch, dtype), memory_format=torch.preserve_format, requires_grad=False)
            if tuple(shape) == tuple(p.shape)
            else torch.empty(shape, dtype=getattr(torch, dtype))
            for _, shape, dtype, _ in layout
        ]

    @torch.no_grad()
    def _prepare(self, i, p, fresh, layout, numbers, shared):
        """Makes what is missing of a parameter's state of `fresh` tensors, and of what is kept otherwise than it should be what should be kept."""
        state = self.state[p]
        # torch's plain SGD counts no steps: whoever has a buffer has taken one
        found = [name for name, *_ in layout if torch.is_tensor(state.get(name))]
        step = state.get("step")
        steps = float(step) if step is not None else float(bool(found))
        if not torch.is_tensor(step) or step.numel() != 1 or step.device.type != "cpu" or not step.is_floating_point():
            wide = torch.get_default_dtype() == torch.float64
            state["step"] = torch.tensor(steps, dtype=torch.float64 if wide else torch.float32)
        for (name, shape, _, weights), tensor in zip(layout, fresh):
            value = state.get(name)
            if torch.is_tensor(value):
                if tuple(value.shape) != tuple(shape):
                    raise ValueError(
                        f"state `{name}` of {self._name(i)} has shape {tuple(value.shape)}, expected {tuple(shape)}; "
                        "it is that of another parameter or of other settings"
                    )
                if tensor.dtype in (torch.uint8, torch.int8) and value.dtype != tensor.dtype:
                    raise ValueError(
                        f"state `{name}` of {self._name(i)} is {value.dtype}, expected codes of 8 bits; load it into an optimizer "
                        "with the state_format that it was saved with"
                    )
                if value.dtype in (torch.uint8, torch.int8) and value.dtype != tensor.dtype:
                    raise ValueError(
                        f"state `{name}` of {self._name(i)} is kept in 8 bits, expected {tensor.dtype}; make the optimizer with "
                        'state_format="8bit"'
                    )
                self._check_there(value)
                tensor.copy_(value.detach())
            elif weights and steps > 0:
                # an average that begins in the middle of a run begins with the weights
                self._check_there(p)
                tensor.copy_(p.detach())
            state[name] = tensor
        for name, first in numbers:
            value = state.get(name)
            if value is None:
                # what a rule measures over all parameters, each of them knows
                others = (self.state[q].get(name) for q in self._params() if q is not p and q in self.state)
                value = next((other for other in others if other is not None), first) if shared else first
            state[name] = torch.tensor(float(value), dtype=torch.float64)

    # ------------------------------------------------------------------------------------------
    # averages, health
    # ------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def averaged(self):
        """Within it the parameters are those to evaluate with: their average, where one is kept (`ema`, `swa`), Lookahead's slow weights, or what the
        rule means by them; afterwards every bit is what it was.
        """
        core = self._core()
        kept = []
        try:
            with torch.no_grad():
                if core.evaluates():
                    for i, p in enumerate(self._params()):
                        state = self.state.get(p)
                        if not state:
                            continue
                        arrays = [state[name] for name, *_ in core.layout(i)]
                        self._check_there(p)
                        lies = arrays[0] if arrays and arrays[0].shape == p.shape else p
                        copy = torch.empty_like(lies, dtype=p.dtype, memory_format=torch.preserve_format).copy_(p.detach())
                        core.evaluate(i, int(state["step"]), copy, arrays)
                        kept.append((p, p.detach().clone()))
                        p.detach().copy_(copy)
            yield self
        finally:
            with torch.no_grad():
                for p, before in kept:
                    p.detach().copy_(before)

    def health(self):
        """What is known of each parameter's gradients since this optimizer was made or loaded: a dictionary for each, with `name`, `norm`, `usual_norm`,
        `zeros`, `update_ratio` (with `measure_updates`), `verdict` ("unknown", "normal", "exploding", "vanishing") and counts. Gradients are looked at
        with `clip_norm`, or with `non_finite` "error" or "skip".
        """
        return self._core().health()

    @property
    def last_step(self):
        """What the last step said: `steps`, `gradient_norm` (None where gradients were not looked at), `clip_factor`, `skipped` (why, or None)."""
        return self._stepper and self._stepper.report()

    # ------------------------------------------------------------------------------------------
    # saving
    # ------------------------------------------------------------------------------------------

    def load_state_dict(self, state_dict):
        """Goes on with the state of `state_dict`: of this class, with the same bits, or of torch's class of the same name."""
        seen = {}

        def see(_, state_dict):
            seen.update(state_dict)

        # after those of users, which may change it
        handle = self.register_load_state_dict_pre_hook(see)
        try:
            super().load_state_dict(state_dict)
        finally:
            handle.remove()
        # torch casts to the type of the parameter what is kept in another type for a reason
        saved = itertools.chain.from_iterable(group["params"] for group in seen["param_groups"])
        for index, p in zip(saved, self._params()):
            for name, value in seen["state"].get(index, {}).items():
                if torch.is_tensor(value) and value.dtype != self.state[p][name].dtype:
                    self.state[p][name] = value.detach().cpu().clone()
        self._stepper = None

    def __getstate__(self):
        return {**super().__getstate__(), "_options": self._options}

    def __setstate__(self, state):
        super().__setstate__(state)
        self._stepper = None
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        self._stepper = None


# whether tensors are read through DLPack's C functions, where torch has them; tests switch it off
_QUICK = True


_classes.make(Optimizer, ["params"], "unchecked", globals())


def _class_of(optimizer, module):
    name = type(optimizer).__name__
    known = {entry["class"] for entry in _classes.REGISTRY if entry["in_torch"]}
    if name not in known:
        raise TypeError(f"{name} is not in both libraries; those that are: {', '.join(sorted(known))}")
    return getattr(module, name)


def _moved(optimizer, cls, arguments):
    groups = [{k: v for k, v in group.items() if k == "params" or k in arguments} for group in optimizer.param_groups]
    other = cls(groups, **{k: v for k, v in optimizer.defaults.items() if k in arguments})
    other.load_state_dict(optimizer.state_dict())
    return other


def from_torch(optimizer, **options):
    """The same optimizer here, going on with the state of one of `torch.optim`: a drop-in for it in the middle of a run. `options` compose with
    it, such as `clip_norm`.
    """
    cls = _class_of(optimizer, sys.modules[__name__])
    arguments = set(cls.__signature__.parameters) - {"params"} - set(_classes.OPTIONS)
    return _moved(optimizer, functools.partial(cls, **options), arguments)


def to_torch(optimizer):
    """The same optimizer of `torch.optim`, going on with the state of one of this module. State in few bits it cannot take."""
    cls = _class_of(optimizer, torch.optim)
    return _moved(optimizer, cls, set(inspect.signature(cls).parameters) - {"params"})
