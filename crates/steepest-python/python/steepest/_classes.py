"""What the classes of `steepest.torch` and `steepest.numpy` share: arguments and pages from the registry."""

import inspect

from steepest import _steepest

REGISTRY = _steepest.registry()

# what composes with any optimizer, as users write it: by its argument the type and what it does
OPTIONS = {
    "clip_norm": (
        "float | None",
        "bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are",
    ),
    "clip_value": (
        "float | None",
        "bound each element of the gradients to [-c, c], after `clip_norm` where both are given",
    ),
    "state_format": (
        'Literal["f32", "bf16", "8bit"] | None',
        'how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs',
    ),
    "non_finite": (
        'Literal["unchecked", "error", "skip"]',
        'what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip"',
    ),
    "ema": (
        "dict[str, Any] | None",
        "keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False}",
    ),
    "swa": (
        "dict[str, Any] | None",
        "keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1}; one of `ema` and `swa`",
    ),
    "lookahead": (
        "dict[str, Any] | None",
        "draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5}",
    ),
    "cautious": (
        "bool | None",
        "keep of each update only what goes against its gradient",
    ),
    "rounding_seed": (
        "int | None",
        "what everything that is rounded at random is keyed by",
    ),
    "measure_updates": (
        "int | None",
        "measure the ratio of update to weight on every so many-th step, for `health()`",
    ),
}


def signature(first, entry, non_finite):
    """The signature of a class: what comes first, the rate, the arguments of the registry, what composes with any."""
    keyword, default = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, default) for name in first]
    parameters.append(inspect.Parameter("lr", default, default=entry["lr"]))
    parameters += [inspect.Parameter(name, default, default=value) for name, value, _, _ in entry["arguments"]]
    parameters.append(inspect.Parameter("maximize", keyword, default=False))
    values = {"non_finite": non_finite}
    parameters += [inspect.Parameter(name, keyword, default=values.get(name)) for name in OPTIONS]
    return inspect.Signature(parameters)


def document(entry, signature):
    """The page of a class: summary, formula, arguments, state, differences, source."""
    lines = [entry["summary"], ""]
    if entry["formula"]:
        lines += ["Formula:", "", entry["formula"], ""]
    lines += ["Arguments:", f"    lr: the learning rate η (default {entry['lr']})"]
    for name, default, about, valid in entry["arguments"]:
        lines.append(f"    {name}: {about}; valid: {valid} (default {default!r})")
    lines.append("    maximize: go up, not down (default False)")
    for name, (_, about) in OPTIONS.items():
        lines.append(f"    {name}: {about} (default {signature.parameters[name].default!r})")
    for heading in ("state", "differences", "source"):
        if entry[heading]:
            lines += ["", f"{heading.capitalize()}:", "", entry[heading]]
    return "\n".join(lines)


def bind(signature, args, kwargs, name):
    """The values of a call, defaults included; a wrong name as Python says it."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{name}(): {error}") from None
    bound.apply_defaults()
    return bound.arguments


def split(entry, arguments):
    """Rate, settings of the rule, direction, options of a call's arguments."""
    settings = {name: arguments[name] for name, *_ in entry["arguments"]}
    options = {name: arguments[name] for name in OPTIONS if arguments[name] is not None}
    return arguments["lr"], settings, bool(arguments["maximize"]), options


def make(base, first, non_finite, scope):
    """A class for each optimizer of the registry, below `base`, into the names of a module."""
    for entry in REGISTRY:
        made = signature(first, entry, non_finite)
        name = entry["class"]
        body = {
            "_entry": entry,
            "__signature__": made,
            "__doc__": document(entry, made),
            "__module__": scope["__name__"],
            "__qualname__": name,
        }
        scope[name] = type(name, (base,), body)
        scope["__all__"].append(name)
