"""Every optimizer of steepest as a `torch.optim.Optimizer`, on torch's own memory."""

# written by stubs.py from the registry of optimizers

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

import torch

Params = Iterable[torch.Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, torch.Tensor]]

class Optimizer(torch.optim.Optimizer):
    def step(self, closure: Callable[[], Any] | None = None, *, loss: float | torch.Tensor | None = None) -> Any: ...
    def averaged(self) -> AbstractContextManager[Optimizer]: ...
    def health(self) -> list[dict[str, Any]]: ...
    @property
    def last_step(self) -> dict[str, Any] | None: ...

def from_torch(optimizer: torch.optim.Optimizer, **options: Any) -> Optimizer: ...
def to_torch(optimizer: Optimizer) -> torch.optim.Optimizer: ...

class SGD(Optimizer):
    """Stochastic gradient descent, plain or with momentum.

    Formula:

    ```text
    g ← g + λθ
    b ← g                     at t = 1
    b ← μb + (1 − τ)g         later
    d = g + μb                with nesterov, else d = b
    θ ← θ − ηd
    ```

    Arguments:
        lr: the learning rate η (default 0.001)
        momentum: fraction μ of the velocity that is kept; 0 is plain gradient descent; valid: [0, 1) (default 0.0)
        dampening: fraction τ of the gradient that is left out of the velocity after the first step; torch only; valid: [0, 1] (default 0.0)
        nesterov: look ahead along the velocity; valid: true, false (default False)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        dialect: whose formula and defaults, where implementations differ; valid: torch, keras (default 'torch')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `momentum_buffer`, the parameter's shape, 4 bytes per element (8 for f64); none when the
    momentum is 0.

    Differences:

    torch: none. optax's `sgd` starts its trace at zero and knows neither dampening nor λ: equal for τ =
    0. Keras keeps η inside the velocity, `b ← μb + ηg` and `θ ← θ − b` (with nesterov, `θ − ηg − μb`),
    which is equal only for a constant η; it knows no dampening, and its weight decay is decoupled. It
    stores b with the other sign.

    Source:

    Robbins & Monro, A Stochastic Approximation Method, 1951; Sutskever et al., On the importance
    of initialization and momentum in deep learning, ICML 2013, equations 1 to 4.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.001,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        dialect: str = 'torch',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Adagrad(Optimizer):
    """Steps that shrink with the sum of all squared gradients: large for rare features.

    Formula:

    ```text
    g ← g + λθ
    s ← s + g²
    θ ← θ − η / (1 + (t − 1)·lr_decay) · g / (√s + ε)
    ```

    Arguments:
        lr: the learning rate η (default 0.01)
        lr_decay: how fast the learning rate falls with the step number; torch only; valid: [0, ∞) (default 0.0)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        initial_accumulator_value: what the sum of squares begins with; valid: [0, ∞) (default 0.0)
        eps: ε, added to the root of the sum; optax and Keras: to the sum; valid: [0, ∞) (default 1e-10)
        dialect: whose formula and defaults, where implementations differ; valid: torch, optax, keras (default 'torch')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `sum`, the parameter's shape, 4 bytes per element (8 for f64).

    Differences:

    torch: none. optax and Keras start the sum at 0.1, put ε = 1e-7 inside the root, `g/√(s + ε)`, and
    know no `lr_decay`; where s is 0, optax takes no step, and so does this for both. optax has no λ;
    Keras's is decoupled. The paper has no ε.

    Source:

    Duchi, Hazan & Singer, Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization, JMLR 12, 2011, section 1.1 with diagonal matrices.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        dialect: str = 'torch',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class RMSprop(Optimizer):
    """Steps divided by the root of a moving average of squared gradients.

    Formula:

    ```text
    g ← g + λθ
    v ← αv + (1 − α)g²
    ḡ ← αḡ + (1 − α)g         centered only
    d = g / (√v + ε)          centered: √max(v − ḡ², 0)
    b ← μb + d                with momentum, else b = d
    θ ← θ − ηb
    ```

    Arguments:
        lr: the learning rate η (default 0.01)
        alpha: α, fraction of the old average of squares that is kept; valid: [0, 1) (default 0.99)
        eps: ε, added to the root; valid: [0, ∞) (default 1e-08)
        centered: divide by the estimated standard deviation instead of the root mean square; valid: true, false (default False)
        momentum: fraction μ of the velocity that is kept; 0 is none; valid: [0, 1) (default 0.0)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        eps_in_sqrt: add ε inside the root: false in torch, true in Keras, either in optax; valid: true, false (default False)
        initial_scale: what the average of squares begins with; optax only; valid: [0, ∞) (default 0.0)
        bias_correction: divide averages by 1 − αᵗ, as they began at zero; optax only; valid: true, false (default False)
        nesterov: look ahead along the velocity; optax only; valid: true, false (default False)
        dialect: whose formula and defaults, where implementations differ; valid: torch, optax, keras (default 'torch')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `square_avg`; `grad_avg` when centered; `momentum_buffer` with momentum. Each has the
    parameter's shape, 4 bytes per element (8 for f64).

    Differences:

    torch: none, but for `v − ḡ²` below zero by rounding, where torch gives NaN and this takes 0; so does
    it in the other dialects.
    optax and Keras: α = 0.9, ε inside the root, `d = g/√(v + ε)`, and η inside the momentum,
    `b ← μb + ηd` and `θ ← θ − b`. optax can also put ε outside the root, correct both averages as Adam
    does, begin with another v than 0 and look ahead along b; it has no λ. Keras: ε = 1e-7, decoupled
    weight decay.

    Source:

    Tieleman & Hinton, Lecture 6.5 of Neural Networks for Machine Learning, 2012; centered: Graves,
    Generating Sequences with Recurrent Neural Networks, 2013, equations 38 to 45.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-08,
        centered: bool = False,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        eps_in_sqrt: bool = False,
        initial_scale: float = 0.0,
        bias_correction: bool = False,
        nesterov: bool = False,
        dialect: str = 'torch',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Adam(Optimizer):
    """Steps along a moving average of the gradient, divided by the root of a moving average of its square.

    Formula:

    ```text
    g ← g + λθ
    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)g²
    w ← max(w, v)             with amsgrad, else w = v
    θ ← θ − η/(1 − β₁ᵗ) · m / (√w / √(1 − β₂ᵗ) + ε)
    ```

    Arguments:
        lr: the learning rate η (default 0.001)
        betas: β₁, fraction of the old average gradient that is kept; β₂, fraction of the old average square that is kept; valid: [0, 1); [0, 1) (default (0.9, 0.999))
        eps: ε, added to the root; valid: [0, ∞) (default 1e-08)
        eps_root: added to the corrected average square, inside the root; optax only; valid: [0, ∞) (default 0.0)
        amsgrad: divide by the largest average square so far; valid: true, false (default False)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        dialect: whose formula and defaults, where implementations differ; valid: torch, optax, keras (default 'torch')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_sq`; `max_exp_avg_sq` with amsgrad. Each has the parameter's shape,
    4 bytes per element (8 for f64).

    Differences:

    torch: none. optax: the same, but it can add `eps_root` inside the root, and with amsgrad (its
    `amsgrad`) takes the maximum over the corrected average `v/(1 − β₂ᵗ)`; it has no λ, and its
    `nesterov` is our `nadam` in dialect optax. Keras and the paper's "efficient" form put ε next to the
    uncorrected root: `η√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√w + ε)`; Keras with ε = 1e-7 and decoupled weight
    decay.

    Source:

    Kingma & Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 1; amsgrad: Reddi,
    Kale & Kumar, On the Convergence of Adam and Beyond, ICLR 2018, algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        eps_root: float = 0.0,
        amsgrad: bool = False,
        weight_decay: float = 0.0,
        dialect: str = 'torch',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class AdamW(Optimizer):
    """Adam with decoupled weight decay: the weights shrink by the same fraction whatever their gradient.

    Formula:

    ```text
    θ ← (1 − ηλ)θ
    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)g²
    w ← max(w, v)             with amsgrad, else w = v
    θ ← θ − η/(1 − β₁ᵗ) · m / (√w / √(1 − β₂ᵗ) + ε)
    ```

    Arguments:
        lr: the learning rate η (default 0.001)
        betas: β₁, fraction of the old average gradient that is kept; β₂, fraction of the old average square that is kept; valid: [0, 1); [0, 1) (default (0.9, 0.999))
        eps: ε, added to the root; valid: [0, ∞) (default 1e-08)
        eps_root: added to the corrected average square, inside the root; optax only; valid: [0, ∞) (default 0.0)
        amsgrad: divide by the largest average square so far; valid: true, false (default False)
        weight_decay: λ: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.01)
        dialect: whose formula and defaults, where implementations differ; valid: torch, optax, keras (default 'torch')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_sq`; `max_exp_avg_sq` with amsgrad. Each has the parameter's shape,
    4 bytes per element (8 for f64).

    Differences:

    torch: none. optax: the same algebra, λ = 1e-4 by default, and it can add `eps_root` inside the root.
    It knows amsgrad only without weight decay, where the maximum is of the corrected average; so it is
    here in dialect optax. Its `nesterov` is our `nadam` in dialect optax with decoupled decay. Keras: λ =
    0.004, ε = 1e-7 next to the uncorrected root. The paper's λ is not multiplied by η but by its
    schedule.

    Source:

    Loshchilov & Hutter, Decoupled Weight Decay Regularization, ICLR 2019, algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        eps_root: float = 0.0,
        amsgrad: bool = False,
        weight_decay: float = 0.01,
        dialect: str = 'torch',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Adadelta(Optimizer):
    """Steps in the unit of the parameter: the gradient times the ratio of two root mean squares.

    Formula:

    ```text
    g ← g + λθ
    v ← ρv + (1 − ρ)g²
    Δ = √(a + ε) / √(v + ε) · g
    a ← ρa + (1 − ρ)Δ²
    θ ← θ − ηΔ
    ```

    Arguments:
        lr: the learning rate η (default 1.0)
        rho: ρ, fraction of the old averages that is kept; valid: [0, 1) (default 0.9)
        eps: ε, added inside both roots; it sets the size of the first steps; valid: [0, ∞) (default 1e-06)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        dialect: whose formula and defaults, where implementations differ; valid: torch, keras (default 'torch')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `square_avg` (v) and `acc_delta` (a), each of the parameter's shape, 4 bytes per element (8 for
    f64).

    Differences:

    torch: none. optax: the same formula; its default learning rate leaves the sign of the gradient, so
    that it ascends: give it one. Keras: ρ = 0.95, ε = 1e-7, η = 1e-3, decoupled weight decay. The paper
    has no η.

    Source:

    Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-06,
        weight_decay: float = 0.0,
        dialect: str = 'torch',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Adamax(Optimizer):
    """Adam with the largest recent gradient in place of the root mean square.

    Formula:

    ```text
    g ← g + λθ
    m ← β₁m + (1 − β₁)g
    u ← max(β₂u, |g| + ε)
    θ ← θ − η/(1 − β₁ᵗ) · m / u
    ```

    Arguments:
        lr: the learning rate η (default 0.002)
        betas: β₁, fraction of the old average gradient that is kept; β₂, fraction of the old maximum that is kept; valid: [0, 1); [0, 1) (default (0.9, 0.999))
        eps: ε, added to the size of each gradient; Keras: to u; valid: [0, ∞) (default 1e-08)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        dialect: whose formula and defaults, where implementations differ; valid: torch, keras (default 'torch')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg` (m) and `exp_inf` (u), each of the parameter's shape, 4 bytes per element (8 for f64).

    Differences:

    torch and optax: none, but that optax has no λ. Keras adds ε = 1e-7 to u at the division instead of to
    |g|, `u ← max(β₂u, |g|)` and `m/(u + ε)`, and its weight decay is decoupled. The paper has no ε.

    Source:

    Kingma & Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.002,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        dialect: str = 'torch',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class RAdam(Optimizer):
    """Adam whose first steps, where the average square is not yet known well, are plain momentum steps and whose next ones are shortened accordingly.

    Formula:

    ```text
    g ← g + λθ                (or θ ← (1 − ηλ)θ, decoupled)
    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)g²
    ρ∞ = 2/(1 − β₂) − 1,   ρ = ρ∞ − 2tβ₂ᵗ/(1 − β₂ᵗ)
    r = √((ρ − 4)(ρ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρ))
    θ ← θ − η/(1 − β₁ᵗ) · m · r√(1 − β₂ᵗ)/(√v + ε)     if ρ > 5
    θ ← θ − η/(1 − β₁ᵗ) · m                            otherwise
    ```

    Arguments:
        lr: the learning rate η (default 0.001)
        betas: β₁, fraction of the old average gradient that is kept; β₂, fraction of the old average square that is kept; valid: [0, 1); [0, 1) (default (0.9, 0.999))
        eps: ε, added to the root; valid: [0, ∞) (default 1e-08)
        weight_decay: λ of weight decay; valid: [0, ∞) (default 0.0)
        decoupled_weight_decay: shrink the weights directly instead of adding λθ to the gradient; valid: true, false (default False)
        eps_root: added to the corrected average square, inside the root; optax only; valid: [0, ∞) (default 0.0)
        threshold: ρ from which on steps are divided; optax only; valid: (4, ∞) (default 5.0)
        nesterov: look ahead along the average gradient; optax only; valid: true, false (default False)
        dialect: whose formula and defaults, where implementations differ; valid: torch, optax (default 'torch')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_sq`, each of the parameter's shape, 4 bytes per element (8 for f64).

    Differences:

    torch: none. optax rectifies from ρ ≥ 5 on, or another threshold, and adds ε to the corrected root,
    `m · r/(√(v/(1 − β₂ᵗ)) + ε)`; it can add `eps_root` inside that root and put Nesterov's
    `β₁m/(1 − β₁ᵗ⁺¹) + (1 − β₁)g/(1 − β₁ᵗ)` in the place of `m/(1 − β₁ᵗ)`; it has no λ. The paper
    rectifies from ρ > 4 on, without ε.

    Source:

    Liu et al., On the Variance of the Adaptive Learning Rate and Beyond, ICLR 2020, algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        eps_root: float = 0.0,
        threshold: float = 5.0,
        nesterov: bool = False,
        dialect: str = 'torch',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class NAdam(Optimizer):
    """Adam with Nesterov's momentum: the step looks ahead along the average gradient, with a momentum that grows during the first steps.

    Formula:

    ```text
    g ← g + λθ                (or θ ← (1 − ηλ)θ, decoupled)
    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)g²
    μₜ = β₁(1 − ½·0.96^(tψ))
    P ← μₜP
    d = (1 − μₜ)/(1 − P) · g + μₜ₊₁/(1 − μₜ₊₁P) · m
    θ ← θ − η · d / (√v / √(1 − β₂ᵗ) + ε)
    ```

    Arguments:
        lr: the learning rate η (default 0.002)
        betas: β₁, fraction of the old average gradient that is kept; β₂, fraction of the old average square that is kept; valid: [0, 1); [0, 1) (default (0.9, 0.999))
        eps: ε, added to the root; valid: [0, ∞) (default 1e-08)
        eps_root: added to the corrected average square, inside the root; optax only; valid: [0, ∞) (default 0.0)
        momentum_decay: ψ, how fast the momentum grows from β₁/2 to β₁; not in optax; valid: [0, ∞) (default 0.004)
        weight_decay: λ of weight decay; valid: [0, ∞) (default 0.0)
        decoupled_weight_decay: shrink the weights directly instead of adding λθ to the gradient; valid: true, false (default False)
        dialect: whose formula and defaults, where implementations differ; valid: torch, optax, keras (default 'torch')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_sq`, each of the parameter's shape, 4 bytes per element (8 for f64); `mu_product`
    (P), one number.

    Differences:

    torch: none, where its default type is f64; else it rounds P to f32 in every step. optax (`nadam`, and
    `nadamw` with decoupled decay): μₜ = β₁ throughout, without ψ, and it can add `eps_root` inside the
    root. Keras: ψ = 1, ε = 1e-7, decay always decoupled. The paper leaves the schedule of μ open.

    Source:

    Dozat, Incorporating Nesterov Momentum into Adam, ICLR workshop 2016, algorithm 2; the schedule of μ:
    Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.002,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        eps_root: float = 0.0,
        momentum_decay: float = 0.004,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        dialect: str = 'torch',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class ASGD(Optimizer):
    """Gradient descent with falling steps that also keeps the average of the parameters, which noise disturbs less than the parameters themselves.

    Formula:

    ```text
    g ← g + λθ
    θ ← (1 − γeₜ)θ − eₜg      e₁ = η
    x ← x + μₜ(θ − x)         μₜ = 1/max(1, t − 1 − t₀): x = θ until the averaging begins
    eₜ₊₁ = η / (1 + γηt)^α
    ```

    Arguments:
        lr: the learning rate η (default 0.01)
        lambd: γ, how fast the steps fall; it also shrinks the parameters; valid: [0, ∞) (default 0.0001)
        alpha: α, the power with which the steps fall; valid: [0, ∞) (default 0.75)
        t0: t₀, the number of steps before the averaging begins; valid: [0, ∞) (default 1000000.0)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `ax` (x), the parameter's shape, 4 bytes per element (8 for f64): take it as the result. And
    three numbers: `eta` and `mu` of the next step, `rate`, the e of the last.

    Differences:

    torch: none, where its default type is f64; else it rounds e and μ to f32. As there, a new η comes
    into effect one step late.

    Source:

    Polyak & Juditsky, Acceleration of Stochastic Approximation by Averaging, SIAM Journal on Control and
    Optimization 30, 1992; the steps: Xu, Towards Optimal One Pass Large Scale Learning with Averaged
    Stochastic Gradient Descent, 2011.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.01,
        lambd: float = 0.0001,
        alpha: float = 0.75,
        t0: float = 1000000.0,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Rprop(Optimizer):
    """A step size for each parameter that grows while the gradient keeps its sign and shrinks when it turns; only signs of gradients count. For full batches: noise turns signs.

    Formula:

    ```text
    s = sign(g · g′)                      g′ = 0 and Δ = η at t = 1
    Δ ← clamp(Δ · (η⁺ if s > 0, η⁻ if s < 0, else 1), Δmin, Δmax)
    g ← 0                                 where s < 0
    θ ← θ − sign(g) · Δ
    g′ ← g
    ```

    Arguments:
        lr: the learning rate η (default 0.01)
        etas: η⁻, what a step size is multiplied by where the sign turned; η⁺, what a step size is multiplied by where the sign stayed; valid: [0, 1); (1, ∞) (default (0.5, 1.2))
        step_sizes: Δmin, the smallest step size; Δmax, the largest step size; valid: [0, ∞); (0, ∞) (default (1e-06, 50.0))
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `prev` (g′) and `step_size` (Δ), each of the parameter's shape, 4 bytes per element (8 for f64).

    Differences:

    torch: none. As there, the learning rate is the first Δ and nothing else, so a schedule changes
    nothing. This is iRprop⁻ of Igel & Hüsken: where a sign turns, the parameter stays for a step, and the
    original's way back is left out. optax's `rprop` applies each step one call late.

    Source:

    Riedmiller & Braun, A Direct Adaptive Method for Faster Backpropagation Learning: The RPROP
    Algorithm, ICNN 1993; Igel & Hüsken, Improving the Rprop Learning Algorithm, NC 2000: iRprop⁻.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.01,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-06, 50.0),
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Lamb(Optimizer):
    """Adam's direction, scaled for each tensor so that a step of rate η moves it by the fraction η of its norm.

    Formula:

    ```text
    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)g²
    u = m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ) + eps_root) + ε) + λθ
    r = ‖θ‖/‖u‖               1 where either norm is 0
    θ ← θ − ηru
    ```
    Norms are those of the whole tensor.

    Arguments:
        lr: the learning rate η (default 0.01)
        betas: β₁, fraction of the old average gradient that is kept; β₂, fraction of the old average square that is kept; valid: [0, 1); [0, 1) (default (0.9, 0.999))
        eps: ε, added to the root; valid: [0, ∞) (default 1e-06)
        eps_root: added under the root; valid: [0, ∞) (default 0.0)
        weight_decay: λ: the fraction λ of the weights is part of the direction; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_sq`: each has the parameter's shape, 4 bytes per element (8 for f64). `trust_ratio`, the
    last r: one number for each tensor.

    Differences:

    optax: none. Keras: the same ratio, but no λ in u: its decay is decoupled; ε = 1e-7. The paper
    passes ‖θ‖ through a function φ that may bound it; here, as in most implementations, φ(x) = x. NVIDIA's
    implementation also clips the gradient of all tensors to norm 1: add `Clip::GlobalNorm(1.0)`.

    Source:

    You et al., Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, ICLR 2020, algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.01,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-06,
        eps_root: float = 0.0,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Lars(Optimizer):
    """Momentum whose every step is scaled, for each tensor, to a fraction of that tensor's norm.

    Formula:

    ```text
    g ← g + λθ
    r = τ‖θ‖ / (‖g‖ + ε)      1 where either norm is 0
    b ← μb + ηrg
    θ ← θ − b                 with nesterov θ − (ηrg + μb)
    ```
    Norms are those of the whole tensor.

    Arguments:
        lr: the learning rate η (default 1.0)
        weight_decay: λ, the L2 penalty, added to the gradient before it is measured; valid: [0, ∞) (default 0.0)
        trust_coefficient: τ, the fraction of a tensor's norm that a step of rate 1 moves it by; valid: (0, ∞) (default 0.001)
        eps: ε, added to the norm of the gradient; valid: [0, ∞) (default 0.0)
        momentum: μ, fraction of the old velocity that is kept; valid: [0, 1) (default 0.9)
        nesterov: look ahead along the velocity; valid: true, false (default False)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `velocity`, the parameter's shape, 4 bytes per element (8 for f64). `trust_ratio`, the last r: one number for
    each tensor.

    Differences:

    optax: none. The paper takes ‖g‖ + λ‖θ‖, norms of the parts, where here the norm of the sum g + λθ is taken.
    Many implementations leave biases and normalization layers unscaled and undecayed: give them a group with
    another rule.

    Source:

    You, Gitman & Ginsburg, Large Batch Training of Convolutional Networks, arXiv:1708.03888, 2017, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 1.0,
        weight_decay: float = 0.0,
        trust_coefficient: float = 0.001,
        eps: float = 0.0,
        momentum: float = 0.9,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class NovoGrad(Optimizer):
    """Momentum of gradients that are divided by a moving average of their tensor's norm.

    Formula:

    ```text
    ν ← β₂ν + (1 − β₂)‖g‖²    one number for each tensor; ‖g‖² at t = 1
    m ← β₁m + g/(√(ν + eps_root) + ε) + λθ
    θ ← θ − ηm
    ```

    Arguments:
        lr: the learning rate η (default 0.01)
        betas: β₁, fraction of the old momentum that is kept; β₂, fraction of the old squared norm that is kept; valid: [0, 1); [0, 1) (default (0.9, 0.25))
        eps: ε, added to the root; valid: [0, ∞) (default 1e-06)
        eps_root: added under the root; valid: [0, ∞) (default 0.0)
        weight_decay: λ: the fraction λ of the weights is part of the momentum; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, the parameter's shape, 4 bytes per element (8 for f64). `norm_sq`, which is ν: one number for each
    tensor.

    Differences:

    optax: none; its ε defaults to 1e-6 as here. NVIDIA's implementation can weigh the new term of m by
    1 − β₁ (`grad_averaging`): the same as η times 1 − β₁.

    Source:

    Ginsburg et al., Stochastic Gradient Methods with Layer-wise Adaptive Moments for Training of Deep Networks,
    arXiv:1905.11286, 2019, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.01,
        betas: tuple[float, float] = (0.9, 0.25),
        eps: float = 1e-06,
        eps_root: float = 0.0,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Fromage(Optimizer):
    """Steps of length η‖θ‖ along the gradient of each tensor, then a rescaling that keeps norms from growing.

    Formula:

    ```text
    r = max(‖θ‖, n) / max(‖g‖, n)      1 where either is 0
    θ ← (θ − ηrg) / √(1 + η²)
    ```
    Norms are those of the whole tensor; n is `min_norm`.

    Arguments:
        lr: the learning rate η (default 0.01)
        min_norm: n, what smaller norms are taken for; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `trust_ratio`, the last r: one number for each tensor.

    Differences:

    The paper and its authors' code: none; the code can also bound the weights by a multiple of their first norm,
    which is left out. optax: n = 1e-6, so that a tensor of zeros leaves zero by steps of η·1e-6 instead of ηg.

    Source:

    Bernstein, Vahdat, Yue & Liu, On the distance between two neural networks and the stability of learning, NeurIPS
    2020, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.01,
        min_norm: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Polyak(Optimizer):
    """Gradient descent whose rate is the gap of the loss to its lower bound over the squared norm of the gradient.

    Formula:

    ```text
    gap = f − f_min                     max(f − f_min, 0) with sps+
    a = min(gap / (‖g‖² + ε), η)        0 where ‖g‖² + ε ≤ 2⁻⁵²
    θ ← θ − ag
    ```
    f is the loss of the step's gradient; ‖g‖² is summed over all tensors.

    Arguments:
        lr: the learning rate η (default 1.0)
        f_min: the lower bound of the loss; 0 for a model that can fit its data; valid: (-∞, ∞) (default 0.0)
        eps: ε, added to the squared norm; valid: [0, ∞) (default 0.0)
        variant: what happens where the loss is below its bound; valid: sps, sps+ (default 'sps')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `rate`, the last a: one number for each tensor.

    Differences:

    optax: η is its `max_learning_rate`; its `scaling` is left out, since it scales the gradient before the norm
    is taken, and so divides the step by what it is meant to multiply it by. The paper divides the gap by c‖g‖²
    with a constant c; here c = 1.

    Source:

    Loizou et al., Stochastic Polyak Step-size for SGD: An Adaptive Learning Rate for Fast Convergence, AISTATS 2021,
    SPS_max; sps+: Garrigos, Gower & Schaipp, Function Value Learning: Adaptive Learning Rates Based on the
    Polyak Stepsize and Function Splitting in ERM, arXiv:2307.14528, 2023.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 1.0,
        f_min: float = 0.0,
        eps: float = 0.0,
        variant: str = 'sps',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class DoG(Optimizer):
    """Gradient descent whose rate is the largest distance from the start over the root of all squared gradients.

    Formula:

    ```text
    g ← g + λθ
    r ← max(r, ‖θ − θ₀‖)      at first reps_rel·(1 + ‖θ₀‖)
    G ← G + ‖g‖²
    θ ← θ − η · r/√(G + ε) · g
    ```
    Norms are those of all tensors together; with `layerwise` (L-DoG) those of each tensor alone.

    Arguments:
        lr: the learning rate η (default 1.0)
        reps_rel: the first distance, as a fraction of 1 + ‖θ₀‖; 1e-4 for networks with batch normalization; valid: (0, ∞) (default 1e-06)
        eps: ε, added to the sum of squares; valid: [0, ∞) (default 1e-08)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        layerwise: a distance and a sum for each tensor alone (L-DoG); valid: true, false (default False)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `start`, which is θ₀: the parameter's shape, 4 bytes per element (8 for f64). `max_distance` and
    `sum_of_squares`, which are r and G: two numbers for each tensor.

    Differences:

    The authors' code and optax: none; optax can also begin with a distance, and both with a rate, given as a number.
    The paper evaluates a polynomially weighted average of the weights, which its authors recommend; it is not part of this
    rule.

    Source:

    Ivgi, Hinder & Carmon, DoG is SGD's Best Friend: A Parameter-Free Dynamic Step Size Schedule, ICML 2023,
    equation DoG; L-DoG: its appendix on the layer-wise variant.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 1.0,
        reps_rel: float = 1e-06,
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        layerwise: bool = False,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class DoWG(Optimizer):
    """Gradient descent whose rate grows with the square of the distance from the start: DoG with weighted gradients.

    Formula:

    ```text
    g ← g + λθ
    D² ← max(D², ‖θ − θ₀‖²)      at first d0_sq
    V ← V + D²‖g‖²
    θ ← θ − η · D²/(√V + ε) · g
    ```
    Norms are those of all tensors together.

    Arguments:
        lr: the learning rate η (default 1.0)
        d0_sq: the first D², the square of a distance that is surely too short; valid: (0, ∞) (default 0.0001)
        eps: ε, added to the root of the weighted sum; valid: [0, ∞) (default 0.0001)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `start`, which is θ₀: the parameter's shape, 4 bytes per element (8 for f64). `distance_sq` and
    `weighted_squares`, which are D² and V: two numbers for each tensor.

    Differences:

    optax: none, except that its D² begins as its ε, where no other value is given. The paper has no ε in the
    formula.

    Source:

    Khaled, Mishchenko & Jin, DoWG Unleashed: An Efficient Universal Parameter-Free Gradient Descent Method,
    NeurIPS 2023, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 1.0,
        d0_sq: float = 0.0001,
        eps: float = 0.0001,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class ScheduleFreeSgd(Optimizer):
    """Gradient descent whose weights are averaged as it goes, so that η need not fall: the gradient is taken between the average and the last iterate.

    Formula:

    ```text
    g ← g + λy
    ηₜ = η · min(1, t/warmup_steps)
    w = tʳ · (max of η₁…ηₜ)ᵖ           p is weight_lr_power
    c = w / (sum of all w)             0 where the sum is 0
    y ← y + c(z − y) − ηₜ(1 − μ(1 − c))g
    z ← z − ηₜg                        z₀ = y₀
    ```
    The parameters are y, where gradients are taken. The weights to evaluate and to keep are the average
    `x = (y − (1 − μ)z)/μ`, which [`Optimizer::evaluation`](crate::Optimizer::evaluation) lends; in the beginning
    x = y = z.

    Arguments:
        lr: the learning rate η (default 1.0)
        momentum: μ, the fraction of the average x in the point y where gradients are taken; valid: (0, 1) (default 0.9)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        warmup_steps: over how many steps η rises; valid: [0, ∞) (default 0.0)
        r: r: later steps weigh more in the average, by the power r of their number; valid: [0, ∞) (default 0.0)
        weight_lr_power: p: steps weigh by the power p of the largest η so far; valid: [0, ∞) (default 2.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `z`, the parameter's shape, 4 bytes per element (8 for f64). `lr_max` and `weight_sum`: two numbers for each
    tensor.

    Differences:

    The authors' package `schedulefree`: none; it turns the parameters into x and back with `eval` and `train`.
    optax: no r, and the same while η is constant; its weights take η one step early, so that its first step
    of a warm-up moves nothing and yet counts in the average.

    Source:

    Defazio et al., The Road Less Scheduled, NeurIPS 2024, Schedule-Free SGD.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 1.0,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        warmup_steps: float = 0.0,
        r: float = 0.0,
        weight_lr_power: float = 2.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class ScheduleFreeAdamW(Optimizer):
    """RMSprop with corrected averages whose weights are averaged as it goes, so that η need not fall.

    Formula:

    ```text
    v ← β₂v + (1 − β₂)g²
    u = g / (√(v/(1 − β₂ᵗ)) + ε) + λy
    ηₜ = η · min(1, t/warmup_steps)
    w = tʳ · (max of η₁…ηₜ)ᵖ           p is weight_lr_power
    c = w / (sum of all w)             0 where the sum is 0
    y ← y + c(z − y) − ηₜ(1 − β₁(1 − c))u
    z ← z − ηₜu                        z₀ = y₀
    ```
    The parameters are y, where gradients are taken. The weights to evaluate and to keep are the average
    `x = (y − (1 − β₁)z)/β₁`, which [`Optimizer::evaluation`](crate::Optimizer::evaluation) lends; in the beginning
    x = y = z.

    Arguments:
        lr: the learning rate η (default 0.0025)
        betas: β₁, the fraction of the average x in the point y where gradients are taken; β₂, fraction of the old average square that is kept; valid: (0, 1); [0, 1) (default (0.9, 0.999))
        eps: ε, added to the root; valid: [0, ∞) (default 1e-08)
        weight_decay: λ: a step of rate η shrinks z by the fraction ηλ of y; valid: [0, ∞) (default 0.0)
        warmup_steps: over how many steps η rises; valid: [0, ∞) (default 0.0)
        r: r: later steps weigh more in the average, by the power r of their number; valid: [0, ∞) (default 0.0)
        weight_lr_power: p: steps weigh by the power p of the largest η so far; valid: [0, ∞) (default 2.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `z`, `exp_avg_sq`: each has the parameter's shape, 4 bytes per element (8 for f64). `lr_max` and `weight_sum`:
    two numbers for each tensor.

    Differences:

    The authors' package `schedulefree`: none; it turns the parameters into x and back with `eval` and `train`.
    optax: no r, and the same while η is constant; its weights take η one step early, so that its first step
    of a warm-up moves nothing and yet counts in the average. Keras: c = 1/t whatever the rates.

    Source:

    Defazio et al., The Road Less Scheduled, NeurIPS 2024, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.0025,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        warmup_steps: float = 0.0,
        r: float = 0.0,
        weight_lr_power: float = 2.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Prodigy(Optimizer):
    """Adam that finds its rate: an estimate d of the distance to the solution, which only grows.

    Formula:

    ```text
    γ = dη                           times √(1 − β₂ᵗ)/(1 − β₁ᵗ) with bias_correction
    n ← β₃n + (d/d₀)γ⟨g, θ₀ − θ⟩
    s ← β₃s + (d/d₀)γg               (d/d₀)dg with safeguard_warmup
    m ← β₁m + (1 − β₁)dg
    v ← β₂v + (1 − β₂)d²g²
    d_max ← max(d_max, d_coef·n/‖s‖₁)
    d ← min(d_max, growth_rate·d)    the first time d₀ leaves, d_max
    θ ← (1 − γλ)θ
    θ ← θ − γm / (√v + dε)
    ```
    The inner product and ‖s‖₁ = Σ|s| go over all tensors; γ has the old d, dε the new one. β₃ is √β₂ unless it is
    given.

    Arguments:
        lr: the learning rate η (default 1.0)
        betas: β₁, fraction of the old average gradient that is kept; β₂, fraction of the old average square that is kept; β₃, fraction of the old sums that is kept; 0 stands for √β₂; valid: [0, 1); [0, 1); [0, 1) (default (0.9, 0.999, 0.0))
        eps: ε, times d added to the root; valid: (0, ∞) (default 1e-08)
        weight_decay: λ: a step of rate γ shrinks the weights by the fraction γλ, or the L2 penalty; valid: [0, ∞) (default 0.0)
        decoupled: take weight decay straight from the weights, not through the gradient; valid: true, false (default True)
        bias_correction: correct the averages for their start at 0; valid: true, false (default False)
        safeguard_warmup: keep η out of s, for a warm-up that begins near 0; valid: true, false (default False)
        d0: d₀, the first estimate: a distance that is surely too short; valid: (0, ∞) (default 1e-06)
        d_coef: a factor of the estimate; valid: (0, ∞) (default 1.0)
        growth_rate: how many times larger one step may make d; valid: [1, ∞) (default 1.7976931348623157e+308)
        dialect: whose formula and defaults, where implementations differ; valid: paper, optax (default 'paper')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_sq`, `s` and `moved`, which is θ₀ − θ: each has the parameter's shape, 4 bytes per element (8
    for f64). `d`, `d_max`, `d_numerator` and `d_before`: four numbers for each tensor.

    Differences:

    paper: the authors' package `prodigyopt`, without `slice_p`, which looks at a part of the elements only. optax:
    bias_correction is always on, no growth_rate, and decay is always decoupled. Both keep θ₀ and subtract; here the
    steps are added up, which is the same but for rounding: the first steps are about 1e-6, and next to θ half
    precision rounds them away, f32 the most of their digits.

    Source:

    Mishchenko & Defazio, Prodigy: An Expeditiously Adaptive Parameter-Free Learner, ICML 2024, algorithm 4.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 1.0,
        betas: tuple[float, float, float] = (0.9, 0.999, 0.0),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        decoupled: bool = True,
        bias_correction: bool = False,
        safeguard_warmup: bool = False,
        d0: float = 1e-06,
        d_coef: float = 1.0,
        growth_rate: float = 1.7976931348623157e+308,
        dialect: str = 'paper',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class DAdaptAdam(Optimizer):
    """Adam that finds its rate: D-Adaptation's estimate d of the distance to the solution, which only grows.

    Formula:

    ```text
    γ = dη                           times √(1 − β₂ᵗ)/(1 − β₁ᵗ) with bias_correction
    n ← √β₂·n + (1 − √β₂)γ⟨g, s/(√v + ε)⟩
    m ← β₁m + (1 − β₁)γg
    v ← β₂v + (1 − β₂)g²
    s ← √β₂·s + (1 − √β₂)γg
    d ← max(d, min(n / ((1 − √β₂)‖s‖₁), growth_rate·d))
    θ ← (1 − γλ)θ                    with decoupled, else g ← g + λθ before all
    θ ← θ − m / (√v + ε)
    ```
    The inner product, of the old s and v, and ‖s‖₁ = Σ|s| go over all tensors; γ has the old d.

    Arguments:
        lr: the learning rate η (default 1.0)
        betas: β₁, fraction of the old average step that is kept; β₂, fraction of the old average square that is kept; valid: [0, 1); [0, 1) (default (0.9, 0.999))
        eps: ε, added to the root; valid: (0, ∞) (default 1e-08)
        weight_decay: λ: the L2 penalty, or with decoupled the fraction γλ by which a step of rate γ shrinks the weights; valid: [0, ∞) (default 0.0)
        decoupled: take weight decay straight from the weights, not through the gradient; valid: true, false (default False)
        bias_correction: correct the averages for their start at 0; valid: true, false (default False)
        d0: the first estimate: a distance that is surely too short; valid: (0, ∞) (default 1e-06)
        growth_rate: how many times larger one step may make d; valid: [1, ∞) (default 1.7976931348623157e+308)
        dialect: whose formula and defaults, where implementations differ; valid: paper, optax (default 'paper')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_sq` and `s`: each has the parameter's shape, 4 bytes per element (8 for f64). `d`,
    `d_numerator` and `d_before`: three numbers for each tensor.

    Differences:

    paper: the authors' package `dadaptation`, without its scale of each layer. optax (`dadapt_adamw`):
    bias_correction and decoupled are always on, and there is no growth_rate.

    Source:

    Defazio & Mishchenko, Learning-Rate-Free Learning by D-Adaptation, ICML 2023, algorithm 5.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 1.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        bias_correction: bool = False,
        d0: float = 1e-06,
        growth_rate: float = 1.7976931348623157e+308,
        dialect: str = 'paper',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class DAdaptSgd(Optimizer):
    """Gradient descent that finds its rate: D-Adaptation's estimate d of the distance to the solution, which only grows.

    Formula:

    ```text
    g ← g + λθ
    γ = dη/‖g₁‖
    n ← n + γ⟨g, s⟩
    s ← s + γg
    d ← max(d, min(2n/‖s‖, growth_rate·d))
    θ ← μθ + (1 − μ)(θ₀ − s)
    ```
    The inner product, of the old s, and the norms go over all tensors; γ has the old d and the norm of the first
    gradient.

    Arguments:
        lr: the learning rate η (default 1.0)
        momentum: μ, fraction of the old weights that is kept; valid: [0, 1) (default 0.0)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        d0: the first estimate: a distance that is surely too short; valid: (0, ∞) (default 1e-06)
        growth_rate: how many times larger one step may make d; valid: [1, ∞) (default 1.7976931348623157e+308)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `s` and `start`, which is θ₀: each has the parameter's shape, 4 bytes per element (8 for f64). `d`,
    `d_numerator`, `d_before` and `first_norm`: four numbers for each tensor.

    Differences:

    The authors' package `dadaptation`: none without decay; with it, the package takes ‖g₁‖ before λθ is added.

    Source:

    Defazio & Mishchenko, Learning-Rate-Free Learning by D-Adaptation, ICML 2023, algorithm 4.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 1.0,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        d0: float = 1e-06,
        growth_rate: float = 1.7976931348623157e+308,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Mechanic(Optimizer):
    """A tuner round AdamW, SGD or Lion: it learns by what to multiply everything that they have moved so far.

    Formula:

    ```text
    u = the step of the base for g: AdamW's, SGD's or Lion's, with rate η
    h = ⟨Δ, g + λₛ·s·‖g‖/(‖θ‖ + ε)·θ⟩
    for each βᵢ of n:
        mᵢ ← max(βᵢmᵢ, |h|)
        vᵢ ← βᵢ²vᵢ + h²
        rᵢ ← max(0, βᵢrᵢ − sᵢh)
        sᵢ ← (s_init/n·mᵢ + rᵢ) / (√vᵢ + ε)
    Δ ← Δ + u,   s ← Σ sᵢ
    θ ← θ₀ + sΔ
    ```
    The inner product and norms go over all tensors. Δ is where the base alone would have gone: η is its
    rate, and gives the schedule. u of AdamW: −η(m̂/(√v̂ + base_eps) + λθ); of SGD: b ← momentum·b + g +
    λθ, −ηb; of Lion: −η(sign(β₁m + (1 − β₁)g) + λθ).

    Arguments:
        lr: the learning rate η (default 1.0)
        base: whose steps are scaled; valid: adamw, sgd, lion (default 'adamw')
        beta1: β₁ of AdamW and Lion; valid: [0, 1) (default 0.9)
        beta2: β₂ of AdamW and Lion; Lion's authors have 0.99; valid: [0, 1) (default 0.999)
        momentum: the fraction of the old sum of gradients that SGD keeps; valid: [0, 1) (default 0.9)
        base_eps: ε of AdamW, added to the root; valid: (0, ∞) (default 1e-08)
        weight_decay: λ of the base: decoupled in AdamW and Lion, the L2 penalty in SGD; valid: [0, ∞) (default 0.0)
        s_decay: λₛ, how strongly large weights hold s back; valid: [0, ∞) (default 0.01)
        betas: βᵢ, one to six: how long each part of s remembers; valid: each in [0, 1) (default (0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999))
        s_init: the first s, as a fraction of the base's own step: surely too small; valid: (0, ∞) (default 1e-08)
        m_init: the first mᵢ; 1e-6 in the authors' package; valid: [0, ∞) (default 0.0)
        eps: ε, added to roots and norms; valid: (0, ∞) (default 1e-08)
        dialect: whose formula and defaults, where implementations differ; valid: paper, optax (default 'paper')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `delta`, which is Δ, and the base's: `exp_avg` and `exp_avg_sq` (AdamW), `momentum_buffer` (SGD) or
    `exp_avg` (Lion). Each has the parameter's shape, 4 bytes per element (8 for f64). `s`, `s_before`
    and, for each of six βᵢ, `reward`, `largest` and `squares` with its number, which are rᵢ, mᵢ and vᵢ:
    twenty numbers for each tensor.

    Differences:

    All keep θ₀ and compute θ from it. Here a step adds the change of sΔ, which is the same but for
    rounding: it needs no θ₀, and what else moves the weights (averages, bounds, cautious steps) is not
    undone by the next step. The authors' package begins with m = 1e-6 (`m_init`), takes θ in h after the
    base's step, and by default recovers Δ from θ as optax does. optax: h is cut to ±mᵢ before it enters
    rᵢ; rᵢ may be negative and counts as 0 then; mᵢ is at least |h| + ε; Δ is recovered as (θ − θ₀)/(s +
    ε), so each step first shrinks it by the fraction ε/(s + ε); s_init is 1e-6.

    Near a minimum small βᵢ forget the size of h, and a step of sᵢ along all of Δ then overshoots: runs
    that differ in the last digit may part, whoever computes them.

    Source:

    Cutkosky, Defazio & Mehta, Mechanic: A Learning Rate Tuner, NeurIPS 2023, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 1.0,
        base: str = 'adamw',
        beta1: float = 0.9,
        beta2: float = 0.999,
        momentum: float = 0.9,
        base_eps: float = 1e-08,
        weight_decay: float = 0.0,
        s_decay: float = 0.01,
        betas: Sequence[float] = (0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999),
        s_init: float = 1e-08,
        m_init: float = 0.0,
        eps: float = 1e-08,
        dialect: str = 'paper',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Adafactor(Optimizer):
    """Steps divided by the root of an average square that is kept for rows and columns only, in units of the parameter's size.

    Formula:

    ```text
    w ← t^beta2_decay                      the fraction of the new square
    ρ ← min(η, 1/√t)
    α ← ρ·max(ε₂, RMS(θ))                  α = ρ without scale_by_parameter
    R ← (1 − w)R + w·mean of g² along the last axis
    C ← (1 − w)C + w·mean of g² along the axis before it
    V ← R·C / max(mean R, ε₁)              vectors: V ← (1 − w)V + wg²
    u ← g / √max(V, ε₁²)
    θ ← (1 − ηλ)θ − α·u / max(1, RMS(u)/d)
    ```
    With `momentum` β, θ moves by a moving average of these steps, `m ← βm + (1 − β)α·u/…`.

    Arguments:
        lr: the learning rate η (default 0.01)
        beta2_decay: how the fraction of the new square falls with the step number: w = t^beta2_decay; valid: [-1, 0] (default -0.8)
        eps: ε₁, bounds the average square; 0 is the spacing of numbers at 1 in the parameter's type; ε₂, bounds the parameter's size from below; valid: [0, ∞); [0, ∞) (default (None, 0.001))
        d: d, bounds the root mean square of a step before α; valid: (0, ∞) (default 1.0)
        weight_decay: λ, decoupled weight decay; valid: [0, ∞) (default 0.0)
        scale_by_parameter: multiply the step by the root mean square of the parameter; valid: true, false (default True)
        factored: keep sums of rows and columns instead of every element's square; valid: true, false (default True)
        min_dim_size_to_factor: the shortest axis that is factored; valid: whole, [1, ∞) (default 1.0)
        momentum: β, fraction of the old average step that is kept; 0 keeps none; valid: [0, 1) (default 0.0)
        dialect: whose formula and defaults, where implementations differ; valid: torch, optax (default 'torch')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    Matrices: `row_var` and `col_var`, a number for each row and each column; tensors of more axes, for
    each of their matrices. Vectors: `variance`, the parameter's shape. With momentum, `exp_avg`, the
    parameter's shape. 4 bytes per number (8 for f64).

    Differences:

    torch: ε₁ is the spacing of numbers at 1 in the parameter's type, here the meaning of 0; always
    factored, no momentum. optax: ε₁ is 1e-30 and is added to g²; ρ = η; V is factored along the two
    longest axes, and only if both have at least 128 elements; the mean of R is not bounded; decay is `θ ←
    θ − (… + λθ)`, not multiplied by η. The paper has ε₁ inside as optax.

    Source:

    Shazeer & Stern, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, ICML 2018, algorithms
    4 and 5.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.01,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 0.001),
        d: float = 1.0,
        weight_decay: float = 0.0,
        scale_by_parameter: bool = True,
        factored: bool = True,
        min_dim_size_to_factor: float = 1.0,
        momentum: float = 0.0,
        dialect: str = 'torch',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Sm3(Optimizer):
    """Adagrad with one sum for each row and each column: an element's sum is at most the smaller of its two.

    Formula:

    ```text
    ν ← min over the axes of μ_axis
    ν ← β₂ν + (1 − β₂)g²                   with β₂ = 1: ν + g²
    μ_axis ← max of ν over all other axes
    m ← βm + (1 − β)·g/√(ν + ε)            0 where ν = 0
    θ ← (1 − ηλ)θ − ηm
    ```

    Arguments:
        lr: the learning rate η (default 0.1)
        momentum: β, fraction of the old average step that is kept; valid: [0, 1) (default 0.9)
        beta2: β₂, fraction of the old squares that is kept; 1 sums them; valid: [0, 1] (default 1.0)
        eps: ε, added to the sum of squares; valid: (0, ∞) (default 1e-08)
        weight_decay: λ, decoupled weight decay; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `mu_0`, `mu_1`, …: a number for each place along that axis; `exp_avg`, the parameter's shape. 4 bytes per number (8 for f64).

    Differences:

    optax: none, without decay. The authors' code averages `exp_avg` alike and has no ε.

    Source:

    Anil, Gupta, Koren & Singer, Memory-Efficient Adaptive Optimization, NeurIPS 2019, algorithm SM3-II.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.1,
        momentum: float = 0.9,
        beta2: float = 1.0,
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Muon(Optimizer):
    """Steps whose matrix has all singular values near 1: the momentum, orthogonalized.

    Formula:

    ```text
    M ← μM + (1 − μ)G
    U ← μM + (1 − μ)G                     with nesterov, else U = M
    X ← U / (‖U‖ + ε)
    X ← aX + b(XXᵀ)X + c(XXᵀ)²X           `steps` times, with the coefficients of the polynomial
    θ ← (1 − ηλ)θ − η · scale · X
    ```
    Norms are Frobenius norms. The polynomials are evaluated in the parameter's own precision, f32 or f64;
    where it needs fewer operations, several steps are taken on XXᵀ before X is multiplied. A kernel of a
    convolution is the matrix of its first axis and all others. Vectors and single numbers are updated by
    AdamW with the settings that begin with `adam_` and `adam_lr_factor` times the learning rate.

    Arguments:
        lr: the learning rate η (default 0.02)
        momentum: μ, fraction of the old average gradient that is kept; valid: [0, 1) (default 0.95)
        nesterov: look ahead: average the gradient once more; valid: true, false (default True)
        steps: how many polynomials are applied; valid: whole, [1, 100] (default 5.0)
        coefficients: which polynomials; valid: quintic, polar_express, dion, cubic (default 'quintic')
        scale: how the size of a step follows the matrix's shape; valid: original, match_rms_adamw, spectral (default 'original')
        rms: the factor of `match_rms_adamw`; valid: (0, ∞) (default 0.2)
        eps: ε, added to the norm; valid: (0, ∞) (default 1e-07)
        weight_decay: λ of matrices: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.0)
        others: what updates vectors and single numbers: AdamW, or nothing does and they are an error; valid: adamw, refuse (default 'adamw')
        adam_lr_factor: AdamW's learning rate is this factor times the group's; valid: [0, ∞) (default 0.015)
        adam_beta1: β₁ of AdamW; valid: [0, 1) (default 0.9)
        adam_beta2: β₂ of AdamW; valid: [0, 1) (default 0.95)
        adam_eps: ε of AdamW; valid: [0, ∞) (default 1e-10)
        adam_weight_decay: λ of AdamW; valid: [0, ∞) (default 0.0)
        dialect: whose formula and defaults, where implementations differ; valid: paper, optax (default 'paper')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `momentum_buffer`, the parameter's shape, 4 bytes per element (8 for f64); vectors: `exp_avg`,
    `exp_avg_sq`. Workspace, not saved: about 4 times the largest matrix.

    Differences:

    Keller Jordan's code (dialect `paper`) and torch compute the polynomials in bf16; torch bounds ‖U‖
    from below instead of adding ε, has λ = 0.1 and takes matrices only. optax: the average is
    bias-corrected, with nesterov `μ/(1 − μᵗ⁺¹)·M + (1 − μ)/(1 − μᵗ)·G`, which is another direction than
    the above while t is small; a matrix is (in, out) whatever the parameter's unit axis; AdamW has the
    same nesterov flag and the whole learning rate. Keras and burn sum gradients (`M ← μM + G`), the same
    direction.

    Source:

    Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024; scales: Liu et al., Muon
    is Scalable for LLM Training, 2025, and Bernstein, Deriving Muon, 2025; polynomials of
    `polar_express`: Amsel et al., The Polar Express, 2025.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.02,
        momentum: float = 0.95,
        nesterov: bool = True,
        steps: float = 5.0,
        coefficients: str = 'quintic',
        scale: str = 'original',
        rms: float = 0.2,
        eps: float = 1e-07,
        weight_decay: float = 0.0,
        others: str = 'adamw',
        adam_lr_factor: float = 0.015,
        adam_beta1: float = 0.9,
        adam_beta2: float = 0.95,
        adam_eps: float = 1e-10,
        adam_weight_decay: float = 0.0,
        dialect: str = 'paper',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class NorMuon(Optimizer):
    """Muon whose rows, one for each output, are brought to the same size over time.

    Formula:

    ```text
    M ← μM + (1 − μ)G
    U ← μM + (1 − μ)G                      with nesterov, else U = M
    O ← U orthogonalized as in Muon
    v ← β₂v + (1 − β₂)·mean of O² over each output's row
    O ← O / (√v + ε)                       row by row
    θ ← (1 − ηλ)θ − η · rms·√(out·in)/‖O‖ · O
    ```
    A step has the root mean square `rms·η`. Vectors and single numbers are updated by AdamW with the
    settings that begin with `adam_` and `adam_lr_factor` times the learning rate.

    Arguments:
        lr: the learning rate η (default 0.003)
        momentum: μ, fraction of the old average gradient that is kept; valid: [0, 1) (default 0.95)
        beta2: β₂, fraction of the rows' old average square that is kept; valid: [0, 1) (default 0.95)
        nesterov: look ahead: average the gradient once more; valid: true, false (default True)
        steps: how many polynomials are applied; valid: whole, [1, 100] (default 5.0)
        coefficients: which polynomials; valid: quintic, polar_express, dion, cubic (default 'quintic')
        rms: the root mean square of a step of rate 1; valid: (0, ∞) (default 0.2)
        eps: ε, added to norms and roots; valid: (0, ∞) (default 1e-07)
        weight_decay: λ of matrices: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.0)
        others: what updates vectors and single numbers: AdamW, or nothing does and they are an error; valid: adamw, refuse (default 'adamw')
        adam_lr_factor: AdamW's learning rate is this factor times the group's; valid: [0, ∞) (default 1.0)
        adam_beta1: β₁ of AdamW; valid: [0, 1) (default 0.9)
        adam_beta2: β₂ of AdamW; valid: [0, 1) (default 0.95)
        adam_eps: ε of AdamW; valid: [0, ∞) (default 1e-10)
        adam_weight_decay: λ of AdamW; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `momentum_buffer`, the parameter's shape; `row_var`, a number for each output; vectors: `exp_avg`,
    `exp_avg_sq`. 4 bytes per number (8 for f64). Workspace, not saved: about 4 times the largest matrix.

    Differences:

    The paper's algorithm has no nesterov; the authors' code has, and keeps the norm of Muon's step with
    its factor `√max(1, out/in)` instead of a fixed root mean square; it computes in bf16.

    Source:

    Li, Liu, Liang, Chen & Zhao, NorMuon: Making Muon more efficient and scalable, 2025, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.003,
        momentum: float = 0.95,
        beta2: float = 0.95,
        nesterov: bool = True,
        steps: float = 5.0,
        coefficients: str = 'quintic',
        rms: float = 0.2,
        eps: float = 1e-07,
        weight_decay: float = 0.0,
        others: str = 'adamw',
        adam_lr_factor: float = 1.0,
        adam_beta1: float = 0.9,
        adam_beta2: float = 0.95,
        adam_eps: float = 1e-10,
        adam_weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Mud(Optimizer):
    """Muon with a triangular solve instead of polynomials: each row loses what it shares with the rows above it.

    Formula:

    ```text
    M ← μM + G
    Q ← G + μM                             with nesterov, else Q = M; transposed where it has more rows than columns
    Q ← D⁻¹Q                               D: the norms of Q's rows, plus ε          ⎫
    T ← the lower triangle of QQᵀ                                                    ⎬ `passes` times
    Q ← T⁻¹Q, then Q ← D⁻¹Q                                                          ⎭
    θ ← (1 − ηλ)θ − η · rms·√max(out, in) · Q
    ```
    With `block_rows`, each block of so many rows is decorrelated by itself, and the last block has what
    is left: n rows of m numbers then cost 2·block_rows·n·m operations a pass instead of 2·n²·m, and rows
    of different blocks keep what they share. Rows without any gradient stay. Vectors and single numbers
    are updated by AdamW with the settings that begin with `adam_` and `adam_lr_factor` times the learning
    rate.

    Arguments:
        lr: the learning rate η (default 0.003)
        momentum: μ, fraction of the old sum of gradients that is kept; valid: [0, 1) (default 0.95)
        nesterov: look ahead: add the gradient once more; valid: true, false (default True)
        passes: how often rows are decorrelated; valid: whole, [1, 100] (default 1.0)
        block_rows: how many rows are decorrelated from each other; 0 for all, as in the paper. A large matrix costs less in blocks; valid: whole, [0, ∞) (default 0.0)
        rms: the factor of the step's size; valid: (0, ∞) (default 0.2)
        eps: ε, added to the norms of rows; valid: (0, ∞) (default 1e-08)
        weight_decay: λ of matrices: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.0)
        others: what updates vectors and single numbers: AdamW, or nothing does and they are an error; valid: adamw, refuse (default 'adamw')
        adam_lr_factor: AdamW's learning rate is this factor times the group's; valid: [0, ∞) (default 1.0)
        adam_beta1: β₁ of AdamW; valid: [0, 1) (default 0.9)
        adam_beta2: β₂ of AdamW; valid: [0, 1) (default 0.95)
        adam_eps: ε of AdamW; valid: [0, ∞) (default 1e-08)
        adam_weight_decay: λ of AdamW; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `momentum_buffer`, the parameter's shape, 4 bytes per element (8 for f64); vectors: `exp_avg`,
    `exp_avg_sq`. Workspace, not saved: about 2 times the largest matrix, 3 times where it has more rows
    than columns, and one number for each pair of rows of a block.

    Differences:

    None known but precision: the authors compute in bf16 or f32. `block_rows` is ours, and 0 in the
    paper.

    Source:

    Southworth & Thomas, Beyond Muon: MUD (MomentUm Decorrelation) for Faster Transformer Training, 2026,
    algorithm MUD_p.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.003,
        momentum: float = 0.95,
        nesterov: bool = True,
        passes: float = 1.0,
        block_rows: float = 0.0,
        rms: float = 0.2,
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        others: str = 'adamw',
        adam_lr_factor: float = 1.0,
        adam_beta1: float = 0.9,
        adam_beta2: float = 0.95,
        adam_eps: float = 1e-08,
        adam_weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Shampoo(Optimizer):
    """The gradient divided on both sides by roots of the sums of its squares: AdaGrad with a full matrix for each axis.

    Formula:

    ```text
    L ← L + GGᵀ,  R ← R + GᵀG              β₂ < 1: L ← β₂L + (1 − β₂)GGᵀ, and below L/(1 − β₂ᵗ) in place of L
    P ← (L + εI)^−p,  Q ← (R + εI)^−p      p = `exponent`; at steps 1, 2, …, k, 2k, 3k, …, k = `precondition_frequency`
    M ← β₁M + (1 − β₁)G,  M̂ = M / (1 − β₁ᵗ)
    U ← P M̂ Q
    U ← U · ‖A‖ / ‖U‖                      `grafting = sgd`: A = M̂
                                           `grafting = adam`: A = M̂ / (√(V/(1 − γᵗ)) + δ), V ← γV + (1 − γ)G²
    θ ← (1 − ηλ)θ − ηU
    ```
    The first k steps compute roots each, since a root of few gradients makes large what those that follow
    bring anew. γ is `graft_beta2`, δ `graft_eps`; norms are Frobenius norms. A side longer than
    `max_side` has no matrix, and I in place of its root. Roots come from eigenvalues and eigenvectors in
    f64; eigenvalues that rounding made negative are 0. A kernel of a convolution is the matrix of its
    first axis and all others. Vectors and single numbers are updated by AdamW with the settings that
    begin with `adam_` and `adam_lr_factor` times the learning rate.

    Arguments:
        lr: the learning rate η (default 0.003)
        betas: β₁, fraction of the old average gradient that is kept; β₂, fraction of the old L and R that is kept; 1: sums; valid: [0, 1); [0, 1] (default (0.9, 1.0))
        eps: ε, added to the eigenvalues of L and R; valid: (0, ∞) (default 1e-06)
        exponent: p, the power that L and R are divided by; valid: (0, 1] (default 0.25)
        precondition_frequency: k, steps from one computation of roots to the next; valid: whole, [1, ∞) (default 10.0)
        max_side: the longest side that has a matrix; valid: whole, [1, ∞) (default 2048.0)
        grafting: whose step gives the size; valid: none, sgd, adam (default 'adam')
        graft_beta2: γ, Adam's fraction of the old squares; valid: [0, 1) (default 0.999)
        graft_eps: δ, Adam's ε; valid: (0, ∞) (default 1e-08)
        weight_decay: λ of matrices: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.0)
        others: what updates vectors and single numbers: AdamW, or nothing does and they are an error; valid: adamw, refuse (default 'adamw')
        adam_lr_factor: AdamW's learning rate is this factor times the group's; valid: [0, ∞) (default 1.0)
        adam_beta1: β₁ of AdamW; valid: [0, 1) (default 0.9)
        adam_beta2: β₂ of AdamW; valid: [0, 1) (default 0.999)
        adam_eps: ε of AdamW; valid: [0, ∞) (default 1e-08)
        adam_weight_decay: λ of AdamW; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    For a matrix of m × n: `exp_avg` (m × n), with `grafting = adam` `exp_avg_sq` (m × n), `left` and
    `left_root` (m × m), `right` and `right_root` (n × n), 4 bytes per element (8 for f64). Vectors:
    `exp_avg`, `exp_avg_sq`. Workspace, not saved: 3 times the matrix, and for each element of the larger
    square 3 numbers of f64 and 2 of the parameter's type.

    Differences:

    The paper (algorithm 1): `grafting = none`, `beta1 = 0`, `precondition_frequency = 1`; its L₀ = εI is
    the εI above. It preconditions each axis of a kernel. Anil et al. and torch's distributed Shampoo cut
    long sides into blocks instead of leaving them out.

    Source:

    Gupta, Koren & Singer, Shampoo: Preconditioned Stochastic Tensor Optimization, ICML 2018, algorithm 1;
    roots at intervals and grafting: Anil et al., Scalable Second Order Optimization for Deep Learning,
    2020.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.003,
        betas: tuple[float, float] = (0.9, 1.0),
        eps: float = 1e-06,
        exponent: float = 0.25,
        precondition_frequency: float = 10.0,
        max_side: float = 2048.0,
        grafting: str = 'adam',
        graft_beta2: float = 0.999,
        graft_eps: float = 1e-08,
        weight_decay: float = 0.0,
        others: str = 'adamw',
        adam_lr_factor: float = 1.0,
        adam_beta1: float = 0.9,
        adam_beta2: float = 0.999,
        adam_eps: float = 1e-08,
        adam_weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Soap(Optimizer):
    """Adam in the eigenvectors of Shampoo's matrices.

    Formula:

    ```text
    step 1:   L ← (1 − β₃)GGᵀ,  R ← (1 − β₃)GᵀG        β₃ = `shampoo_beta`
              P ← eigenvectors of L,  Q ← of R         the largest eigenvalue first; θ stays as it is
    step t:   G' ← PᵀGQ
              M ← β₁M + (1 − β₁)G'
              V ← β₂V + (1 − β₂)G'²
              θ ← (1 − ηλ)θ − η · √(1 − β₂ᵗ⁻¹)/(1 − β₁ᵗ⁻¹) · P(M/(√V + ε))Qᵀ
              L ← β₃L + (1 − β₃)GGᵀ,  R ← β₃R + (1 − β₃)GᵀG
    where `precondition_frequency` divides t − 1, then also
              M ← PMQᵀ
              columns of P by falling pᵀLp, of Q by falling qᵀRq; rows and columns of V with them
              P ← orthogonal factor of LP,  Q ← of RQ  by QR
              M ← PᵀMQ
    ```
    A side longer than `max_side` has no matrix, and I in place of its eigenvectors. Eigenvectors and QR
    are computed in f64. Where an eigenvalue is 0 but for rounding, at most n·u times the largest (n: the
    side, u: the parameter's last place at 1), any basis of the space is one of eigenvectors: taken is the
    one whose i-th vector begins with i − 1 zeros. A kernel of a convolution is the matrix of its first
    axis and all others. Vectors and single numbers are updated by AdamW with the settings that begin with
    `adam_` and `adam_lr_factor` times the learning rate.

    Arguments:
        lr: the learning rate η (default 0.003)
        betas: β₁, fraction of the old average gradient that is kept; β₂, fraction of the old average squared gradient that is kept; valid: [0, 1); [0, 1) (default (0.95, 0.95))
        shampoo_beta: β₃, fraction of the old L and R that is kept; valid: [0, 1) (default 0.95)
        eps: ε, added to the root of the average squared gradient; valid: (0, ∞) (default 1e-08)
        precondition_frequency: steps from one computation of eigenvectors to the next; valid: whole, [1, ∞) (default 10.0)
        max_side: the longest side that has a matrix; valid: whole, [1, ∞) (default 2048.0)
        weight_decay: λ of matrices: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.01)
        others: what updates vectors and single numbers: AdamW, or nothing does and they are an error; valid: adamw, refuse (default 'adamw')
        adam_lr_factor: AdamW's learning rate is this factor times the group's; valid: [0, ∞) (default 1.0)
        adam_beta1: β₁ of AdamW; valid: [0, 1) (default 0.95)
        adam_beta2: β₂ of AdamW; valid: [0, 1) (default 0.95)
        adam_eps: ε of AdamW; valid: [0, ∞) (default 1e-08)
        adam_weight_decay: λ of AdamW; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    For a matrix of m × n: `exp_avg` and `exp_avg_sq` (m × n, both in the eigenvectors), `left` and
    `left_vectors` (m × m), `right` and `right_vectors` (n × n), 4 bytes per element (8 for f64). Vectors:
    `exp_avg`, `exp_avg_sq`. Workspace, not saved: 3 times the matrix, and for each element of the larger
    square 3 numbers of f64 and 2 of the parameter's type.

    Differences:

    The authors' code is this formula, but decays after the step, `θ ← (1 − ηλ)(θ − ηU)`, and leaves the
    basis of an empty space to LAPACK. It has one matrix for each axis of a kernel, unless `merge_dims`,
    and `max_precond_dim` 10000. The paper (algorithm 3) keeps M unprojected, which is the same, and does
    not sort. Vectors: the authors' Adam has SOAP's β and misses the first step.

    Source:

    Vyas et al., SOAP: Improving and Stabilizing Shampoo using Adam, ICLR 2025, algorithms 3 and 4.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.003,
        betas: tuple[float, float] = (0.95, 0.95),
        shampoo_beta: float = 0.95,
        eps: float = 1e-08,
        precondition_frequency: float = 10.0,
        max_side: float = 2048.0,
        weight_decay: float = 0.01,
        others: str = 'adamw',
        adam_lr_factor: float = 1.0,
        adam_beta1: float = 0.95,
        adam_beta2: float = 0.95,
        adam_eps: float = 1e-08,
        adam_weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Kron(Optimizer):
    """PSGD with a Kronecker-factored preconditioner: two triangles that learn, step by step, to make gradients white.

    Formula:

    ```text
    M ← β₁M + (1 − β₁)G,  M̂ = M / (1 − β₁ᵗ)
    where the factors are refreshed, with F = M̂, or G without `fit_momentum`:
        F ← F + δ · mean|F| · V                        δ = √2⁻²³; V: random, mean 0, variance 1
        A = LᵀFR,  B = L⁻¹VR⁻ᵀ
        L ← L − μL · tril(AAᵀ − BBᵀ) / ‖AAᵀ + BBᵀ‖     μ = `precond_lr`
        R ← R − μR · tril(AᵀA − BᵀB) / ‖AᵀA + BᵀB‖     with the same A and B
    U ← LLᵀM̂RRᵀ
    U ← U · min(1, c / rms(U))                         c = `max_rms`
    θ ← (1 − ηλ)θ − ηU
    ```
    L and R are lower triangles and begin as √s·I, s = `init_scale`; tril takes the lower triangle. They
    descend the mean of ‖A‖² + ‖B‖². At its minimum P·mean(FQFᵀ)·P = tr(Q⁻¹)·I and Q·mean(FᵀPF)·Q =
    tr(P⁻¹)·I, with P = LLᵀ and Q = RRᵀ. ‖S‖ is a lower bound of the largest eigenvalue: ‖Sy‖ for y =
    Sx/‖Sx‖, x the longest column of S. A side longer than `max_side`, of length 1, or chosen by
    `diagonal` has a diagonal in place of its triangle; tril keeps the diagonal then, and ‖S‖ is its
    largest element.

    With p(s) = `max_share` while s ≤ `flat_steps`, then falling with exp(−`share_decay`·s) to
    `min_share`, the factors are refreshed at step t where the integral of p from 0 to t passes a whole
    number. At each 100th refresh the largest elements of L and R are made equal first, which changes no
    product of both. A gradient so small that δ·mean|F| is no normal number refreshes nothing. Where A, B or U
    leave the type, as with the first usual gradient after thousands of tiny ones, they are computed from F, V or
    M̂ times a power of two: steps stay finite.

    Element i of V, row by row, is the sum of four uniform numbers that are the 16-bit pieces of
    SplitMix64's output i, whose key is made from `seed` and t, for all tensors alike: no hidden state. A
    kernel of a convolution is the matrix of its first axis and all others. Vectors and single numbers are
    updated by AdamW with the settings that begin with `adam_` and `adam_lr_factor` times the learning
    rate.

    Arguments:
        lr: the learning rate η (default 0.001)
        beta1: β₁, fraction of the old average gradient that is kept; valid: [0, 1) (default 0.9)
        precond_lr: μ, the step of the factors: 0.1 follows gradients within some ten refreshes; below 1, triangles stay invertible; valid: (0, 1) (default 0.1)
        init_scale: s, the size of the first preconditioner's root: 1 begins with the average gradient itself, clipped; valid: (0, ∞) (default 1.0)
        fit_momentum: fit the factors to the average gradient, which is what they precondition; else to the gradient; valid: true, false (default True)
        max_share: fraction of the steps that refresh the factors, at first: all, since they know nothing; valid: (0, 1] (default 1.0)
        min_share: and in the end: factors that have been learned move slowly, and a refresh costs several steps; valid: (0, 1] (default 0.03)
        share_decay: by what part of itself the fraction falls in a step: 0.001 takes 3500 steps from 1 to 0.03; valid: (0, ∞) (default 0.001)
        flat_steps: steps before the fraction falls; valid: whole, [1, ∞) (default 500.0)
        diagonal: which sides have a diagonal: less memory and time, coarser steps; valid: none, longer, one, both (default 'none')
        max_side: the longest side that has a triangle: 8192 takes 256 MiB in f32; valid: whole, [1, ∞) (default 8192.0)
        max_rms: c, the largest root mean square of U: white gradients have about 1; valid: (0, ∞) (default 1.1)
        seed: names the random numbers; valid: whole, [1, ∞) (default 1.0)
        weight_decay: λ of matrices: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.0)
        others: what updates vectors and single numbers: AdamW, or nothing does and they are an error; valid: adamw, refuse (default 'adamw')
        adam_lr_factor: AdamW's learning rate is this factor times the group's; valid: [0, ∞) (default 3.0)
        adam_beta1: β₁ of AdamW; valid: [0, 1) (default 0.9)
        adam_beta2: β₂ of AdamW; valid: [0, 1) (default 0.999)
        adam_eps: ε of AdamW; valid: [0, ∞) (default 1e-08)
        adam_weight_decay: λ of AdamW; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    For a matrix of m × n: `exp_avg` (m × n), `left` (m × m, or m where it is a diagonal) and `right` (n ×
    n or n), 4 bytes per element (8 for f64). Vectors: `exp_avg`, `exp_avg_sq`. Workspace, not saved: 4
    times the matrix and 3 times the larger square.

    Differences:

    Li's code and kron_torch keep Q_L = Lᵀ and Q_R = Rᵀ. kron_torch: V is normal and comes from torch's
    generator; the δ·mean|F|·V of a refresh also stays in M̂ and so in the step; triangles are solved in
    f32; a refresh comes where the steps since the last reach 1/p, a whole number of them; balancing
    happens by chance, once in 100 refreshes; axes of a kernel are joined to the squarest matrix, or each
    has a factor; vectors have a diagonal factor. Li's own code: a refresh happens with probability p, and
    the norm of U is clipped; his later variants (Q^0.5·E·Q^1.5 and others) have other updates of the
    factors.

    Source:

    Li, Preconditioned Stochastic Gradient Descent, 2015; Li, Stochastic Hessian Fittings with Lie Groups,
    2024; defaults, schedule and clipping: Walters, kron_torch 0.3.3.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.001,
        beta1: float = 0.9,
        precond_lr: float = 0.1,
        init_scale: float = 1.0,
        fit_momentum: bool = True,
        max_share: float = 1.0,
        min_share: float = 0.03,
        share_decay: float = 0.001,
        flat_steps: float = 500.0,
        diagonal: str = 'none',
        max_side: float = 8192.0,
        max_rms: float = 1.1,
        seed: float = 1.0,
        weight_decay: float = 0.0,
        others: str = 'adamw',
        adam_lr_factor: float = 3.0,
        adam_beta1: float = 0.9,
        adam_beta2: float = 0.999,
        adam_eps: float = 1e-08,
        adam_weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class SignSgd(Optimizer):
    """Steps of one size, against the sign of each element of the gradient.

    Formula:

    ```text
    θ ← (1 − ηλ)θ
    θ ← θ − η·sign(g)
    ```
    sign(0) is 0.

    Arguments:
        lr: the learning rate η (default 0.001)
        weight_decay: λ: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    None.

    Differences:

    optax: the same, without weight decay.

    Source:

    Bernstein, Wang, Azizzadenesheli & Anandkumar, signSGD: Compressed Optimisation for Non-Convex
    Problems, ICML 2018, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.001,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Signum(Optimizer):
    """Steps of one size, against the sign of a moving average of the gradient.

    Formula:

    ```text
    θ ← (1 − ηλ)θ
    m ← βm + (1 − β)g
    θ ← θ − η·sign(m)
    ```
    sign(0) is 0. β = 0 is signSGD.

    Arguments:
        lr: the learning rate η (default 0.001)
        momentum: β, fraction of the old average gradient that is kept; valid: [0, 1) (default 0.9)
        weight_decay: λ: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, the parameter's shape, 4 bytes per element (8 for f64).

    Differences:

    optax: the same, without weight decay. A sum in place of the average, m ← βm + g, has the same signs.

    Source:

    Bernstein, Wang, Azizzadenesheli & Anandkumar, signSGD: Compressed Optimisation for Non-Convex
    Problems, ICML 2018, algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.001,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Lion(Optimizer):
    """Steps of one size: along the sign of a moving average that gives the newest gradient more weight.

    Formula:

    ```text
    u ← sign(β₁m + (1 − β₁)g)
    m ← β₂m + (1 − β₂)g
    θ ← θ − η(u + λθ)
    ```
    sign(0) is 0.

    Arguments:
        lr: the learning rate η (default 0.0005)
        betas: β₁, weight of the average in the direction of the step; β₂, fraction of the old average gradient that is kept; valid: [0, 1); [0, 1) (default (0.9, 0.99))
        weight_decay: λ: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.001)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, the parameter's shape, 4 bytes per element (8 for f64).

    Differences:

    optax: none. lion-pytorch, Keras: the weights decay before the step, θ ← (1 − ηλ)θ − ηu, which is the
    same but for rounding; lion-pytorch has λ = 0, optax 1e-3.

    Source:

    Chen et al., Symbolic Discovery of Optimization Algorithms, NeurIPS 2023, algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.0005,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.001,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class AdaBelief(Optimizer):
    """Adam that divides by how far gradients lie from their average: long steps where the average predicts them.

    Formula:

    ```text
    θ ← (1 − ηλ)θ
    m ← β₁m + (1 − β₁)g
    s ← β₂s + (1 − β₂)(g − m)² + ε_root
    m̂ = m / (1 − β₁ᵗ)
    m̂ = β₁m / (1 − β₁ᵗ⁺¹) + (1 − β₁)g / (1 − β₁ᵗ)      with nesterov
    θ ← θ − η · m̂ / (√(s / (1 − β₂ᵗ)) + ε)
    ```
    ε_root stays in s: it adds up to ε_root / (1 − β₂) over the steps.

    Arguments:
        lr: the learning rate η (default 0.003)
        betas: β₁, fraction of the old average gradient that is kept; β₂, fraction of the old average square that is kept; valid: [0, 1); [0, 1) (default (0.9, 0.999))
        eps: ε, added to the root; valid: [0, ∞) (default 1e-16)
        eps_root: ε_root, added to the average square in every step; valid: [0, ∞) (default 1e-16)
        nesterov: look one step ahead, as NAdam does; valid: true, false (default False)
        weight_decay: λ: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_var`. Each has the parameter's shape, 4 bytes per element (8 for f64).

    Differences:

    optax: none, but it has no weight decay. adabelief-pytorch: one ε for both places, λ = 0.01, and by
    default RAdam's rectification, which is not here.

    Source:

    Zhuang et al., AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients, NeurIPS
    2020, algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.003,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-16,
        eps_root: float = 1e-16,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Yogi(Optimizer):
    """Adam whose average square moves by a fraction of g², whatever the distance: it grows as fast, but falls slowly.

    Formula:

    ```text
    θ ← (1 − ηλ)θ
    m ← β₁m + (1 − β₁)g
    v ← v − (1 − β₂)·sign(v − g²)·g²
    θ ← θ − η/(1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + ε)
    ```
    m and v both begin with the initial accumulator value, so that even gradients of zero move θ a little.

    Arguments:
        lr: the learning rate η (default 0.01)
        betas: β₁, fraction of the old average gradient that is kept; β₂: the average square moves by the fraction 1 − β₂ of g²; valid: [0, 1); [0, 1) (default (0.9, 0.999))
        eps: ε, added to the root; valid: [0, ∞) (default 0.001)
        initial_accumulator_value: what both averages begin with; valid: [0, ∞) (default 1e-06)
        weight_decay: λ: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_sq`. Each has the parameter's shape, 4 bytes per element (8 for f64).

    Differences:

    optax: none, but it has no weight decay. The paper corrects no bias.

    Source:

    Zaheer, Reddi, Sachan, Kale & Kumar, Adaptive Methods for Nonconvex Optimization, NeurIPS 2018,
    algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.01,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 0.001,
        initial_accumulator_value: float = 1e-06,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Adan(Optimizer):
    """Nesterov's momentum for adaptive steps: it averages gradients and their differences, and needs no gradient at a point ahead.

    Formula:

    ```text
    d ← g − g₋                     g₋: the gradient before; 0 in the first step
    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)d
    n ← β₃n + (1 − β₃)(g + β₂d)²
    u = (m/(1 − β₁ᵗ) + β₂v/(1 − β₂ᵗ)) / (√n/√(1 − β₃ᵗ) + ε)
    θ ← (θ − ηu) / (1 + ηλ)
    θ ← (1 − ηλ)θ − ηu             with no_prox
    ```

    Arguments:
        lr: the learning rate η (default 0.01)
        betas: β₁, fraction of the old average gradient that is kept; β₂, fraction of the old average difference that is kept, and the difference's weight in the step; β₃, fraction of the old average square that is kept; valid: [0, 1); [0, 1); [0, 1) (default (0.98, 0.92, 0.99))
        eps: ε, added to the root; valid: [0, ∞) (default 1e-08)
        weight_decay: λ, the strength of weight decay; valid: [0, ∞) (default 0.0)
        no_prox: decay before the step, as AdamW does, instead of after it; valid: true, false (default False)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_diff`, `exp_avg_sq`, `previous_grad`. Each has the parameter's shape, 4 bytes per
    element (8 for f64).

    Differences:

    The authors' code: none. The paper writes 1 − β for β, corrects no bias, begins with the first
    gradient instead, and has ε inside the root. optax 0.2.8 takes 1 − β₂ where this takes β₂, which is a
    mistake, and adds 1e-8 inside the root.

    Source:

    Xie, Zhou, Li, Lin & Yan, Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models,
    IEEE TPAMI 2024, algorithm 1, with the bias corrections of the authors' code (sail-sg/Adan).
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.01,
        betas: tuple[float, float, float] = (0.98, 0.92, 0.99),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        no_prox: bool = False,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class AdEMAMix(Optimizer):
    """AdamW with a second, slow average of the gradient, which remembers thousands of steps.

    Formula:

    ```text
    α_t = α·min(t/T_α, 1)
    β₃_t = min(exp(1 / ((1 − t/T_β)/ln β₁ + (t/T_β)/ln β₃)), β₃)      β₃ from T_β on
    m₁ ← β₁m₁ + (1 − β₁)g
    m₂ ← β₃_t·m₂ + (1 − β₃_t)g
    v ← β₂v + (1 − β₂)g²
    θ ← θ − η((m₁/(1 − β₁ᵗ) + α_t·m₂) / (√(v/(1 − β₂ᵗ) + ε_root) + ε) + λθ)
    ```
    With T_α = T_β = 1, α_t and β₃_t are α and β₃ from the first step on. The slow average has no bias correction.

    Arguments:
        lr: the learning rate η (default 0.001)
        betas: β₁, fraction of the fast average gradient that is kept; β₂, fraction of the old average square that is kept; β₃, fraction of the slow average gradient that is kept; valid: [0, 1); [0, 1); [0, 1) (default (0.9, 0.999, 0.9999))
        alpha: α, weight of the slow average beside the fast one; valid: [0, ∞) (default 5.0)
        alpha_warmup: T_α, steps in which α grows from 0; 1 for no warm-up; valid: whole, [1, ∞) (default 1.0)
        beta3_warmup: T_β, steps in which β₃ grows from β₁; 1 for no warm-up; valid: whole, [1, ∞) (default 1.0)
        eps: ε, added to the root; valid: [0, ∞) (default 1e-08)
        eps_root: ε_root, added inside the root; valid: [0, ∞) (default 0.0)
        weight_decay: λ: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg_fast`, `exp_avg_slow`, `exp_avg_sq`. Each has the parameter's shape, 4 bytes per element (8
    for f64).

    Differences:

    optax: none; its own warm-ups are schedules that count from 0. The authors' code: α = 2 by default, and
    1e-8 added to the β inside each logarithm.

    Source:

    Pagliardini, Ablin & Grangier, The AdEMAMix Optimizer: Better, Faster, Older, ICLR 2025, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.001,
        betas: tuple[float, float, float] = (0.9, 0.999, 0.9999),
        alpha: float = 5.0,
        alpha_warmup: float = 1.0,
        beta3_warmup: float = 1.0,
        eps: float = 1e-08,
        eps_root: float = 0.0,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class SimplifiedAdEMAMix(Optimizer):
    """AdEMAMix with one average: the gradient of the step itself takes the place of the fast one.

    Formula:

    ```text
    m ← β₁m + g
    v ← β₂v + (1 − β₂)g²
    θ ← θ − η((αg + m) / (√(v/(1 − β₂ᵗ) + ε_root) + ε) + λθ)
    ```
    m is a sum, not an average, so good rates are about 1 − β₁ of Adam's.

    Arguments:
        lr: the learning rate η (default 3e-05)
        betas: β₁, fraction of the old sum of gradients that is kept; β₂, fraction of the old average square that is kept; valid: [0, 1); [0, 1) (default (0.99, 0.95))
        alpha: α, weight of the newest gradient beside the sum; valid: [0, ∞) (default 0.0)
        eps: ε, added to the root; valid: [0, ∞) (default 1e-08)
        eps_root: ε_root, added inside the root; valid: [0, ∞) (default 0.0)
        weight_decay: λ: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `momentum_buffer`, `exp_avg_sq`. Each has the parameter's shape, 4 bytes per element (8 for f64).

    Differences:

    optax: none.

    Source:

    Morwani et al., Connections between Schedule-Free Optimizers, AdEMAMix, and Accelerated SGD Variants,
    arXiv 2502.02431, 2025.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 3e-05,
        betas: tuple[float, float] = (0.99, 0.95),
        alpha: float = 0.0,
        eps: float = 1e-08,
        eps_root: float = 0.0,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Adopt(Optimizer):
    """Adam that divides each gradient by the average square before it, then averages: it converges with any β₂.

    Formula:

    ```text
    first step: v ← g², nothing else
    θ ← (1 − ηλ)θ
    u = clamp(g / max(√v, ε), ±(t − 1)^¼)       without the clamp if not use_clipping
    m ← β₁m + (1 − β₁)u
    θ ← θ − ηm
    θ ← θ − η(β₁m + (1 − β₁)u)                  with nesterov
    v ← β₂v + (1 − β₂)g²
    ```

    Arguments:
        lr: the learning rate η (default 0.003)
        betas: β₁, fraction of the old average that is kept; β₂, fraction of the old average square that is kept; valid: [0, 1); [0, 1) (default (0.9, 0.9999))
        eps: ε, the least denominator; valid: [0, ∞) (default 1e-06)
        use_clipping: clip the divided gradient to ±(t − 1)^¼; valid: true, false (default True)
        nesterov: look one step ahead; valid: true, false (default False)
        weight_decay: λ: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_sq`. Each has the parameter's shape, 4 bytes per element (8 for f64).

    Differences:

    optax: none, but it has no weight decay. The authors' package torch-adopt: none, but it has no nesterov,
    and adds λθ to the gradient unless told to decouple. The paper's first version does not clip.

    Source:

    Taniguchi et al., ADOPT: Modified Adam Can Converge with Any β₂ with the Optimal Rate, NeurIPS 2024;
    clipping: arXiv 2411.02853, version 3.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.003,
        betas: tuple[float, float] = (0.9, 0.9999),
        eps: float = 1e-06,
        use_clipping: bool = True,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class QHAdam(Optimizer):
    """Adam whose averages are mixed with the newest gradient: a long memory that still reacts at once.

    Formula:

    ```text
    g ← g + λθ           or, decoupled, θ ← (1 − ηλ)θ
    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)g²
    m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
    θ ← θ − η · ((1 − ν₁)g + ν₁m̂) / (√((1 − ν₂)g² + ν₂v̂) + ε)
    ```
    ν₁ = ν₂ = 1 is Adam; ν₁ = β₁, ν₂ = 1 is close to NAdam.

    Arguments:
        lr: the learning rate η (default 0.003)
        betas: β₁, fraction of the old average gradient that is kept; β₂, fraction of the old average square that is kept; valid: [0, 1); [0, 1) (default (0.995, 0.999))
        nus: ν₁, weight of the average beside the newest gradient; ν₂, weight of the average square beside the newest; valid: [0, 1]; [0, 1] (default (0.7, 1.0))
        eps: ε, added to the root; valid: [0, ∞) (default 1e-08)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        decoupled_weight_decay: shrink the weights by the fraction ηλ instead of adding λθ to the gradient; valid: true, false (default False)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_sq`. Each has the parameter's shape, 4 bytes per element (8 for f64).

    Differences:

    The authors' package qhoptim: the same formula; its defaults, ν₁ = ν₂ = 1 and β₁ = 0.9, are Adam's,
    those here are what the paper recommends to begin with.

    Source:

    Ma & Yarats, Quasi-hyperbolic Momentum and Adam for Deep Learning, ICLR 2019, section 5.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.003,
        betas: tuple[float, float] = (0.995, 0.999),
        nus: tuple[float, float] = (0.7, 1.0),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class LaProp(Optimizer):
    """Adam in the other order: each gradient is divided first, then averaged, so that β₁ and β₂ do not depend on each other.

    Formula:

    ```text
    θ ← (1 − ηλ)θ
    v ← β₂v + (1 − β₂)g²
    m ← β₁m + (1 − β₁)·g / (√(v / (1 − β₂ᵗ)) + ε)
    θ ← θ − η/(1 − β₁ᵗ) · m
    ```

    Arguments:
        lr: the learning rate η (default 0.001)
        betas: β₁, fraction of the old average that is kept; β₂, fraction of the old average square that is kept; valid: [0, 1); [0, 1) (default (0.9, 0.999))
        eps: ε, added to the root; valid: [0, ∞) (default 1e-15)
        weight_decay: λ: a step of rate η shrinks the weights by the fraction ηλ; valid: [0, ∞) (default 0.0)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_sq`. Each has the parameter's shape, 4 bytes per element (8 for f64).

    Differences:

    The authors' code multiplies each divided gradient by the η of its own step, which is the same while η
    stays constant, and decays the weights after the step, by λ alone. timm decays after the step, by ηλ.

    Source:

    Ziyin, Wang & Ueda, LaProp: Separating Momentum and Adaptivity in Adam, arXiv 2002.04839, 2020,
    algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-15,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class AdaBound(Optimizer):
    """Adam whose rates are held between two bounds that close in on one rate: it begins as Adam and ends as SGD with momentum.

    Formula:

    ```text
    g ← g + λθ
    m ← β₁m + (1 − β₁)g
    v ← β₂v + (1 − β₂)g²
    w ← max(w, v)                                      with amsbound, else w = v
    η* = final_lr_factor · η
    r = clamp(η√(1 − β₂ᵗ)/(1 − β₁ᵗ) / (√w + ε),  η*(1 − 1/(γt + 1)), η*(1 + 1/(γt)))
    θ ← θ − r·m
    ```

    Arguments:
        lr: the learning rate η (default 0.001)
        betas: β₁, fraction of the old average gradient that is kept; β₂, fraction of the old average square that is kept; valid: [0, 1); [0, 1) (default (0.9, 0.999))
        final_lr_factor: what all rates end at, as a multiple of η; valid: (0, ∞) (default 100.0)
        gamma: γ, how fast the bounds close in; 0 for no bounds; valid: [0, 1) (default 0.001)
        eps: ε, added to the root; valid: [0, ∞) (default 1e-08)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        amsbound: divide by the largest average square so far; valid: true, false (default False)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `exp_avg`, `exp_avg_sq`; `max_exp_avg_sq` with amsbound. Each has the parameter's shape, 4 bytes per
    element (8 for f64).

    Differences:

    The authors' package adabound gives η* itself, as `final_lr`, for the η that it was built with: 0.1 for
    0.001, a factor of 100; a schedule changes both alike, as here. The paper divides r by √t and corrects no
    bias.

    Source:

    Luo, Xiong, Liu & Sun, Adaptive Gradient Methods with Dynamic Bound of Learning Rate, ICLR 2019,
    algorithms 2 and 3.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        final_lr_factor: float = 100.0,
        gamma: float = 0.001,
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        amsbound: bool = False,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Madgrad(Optimizer):
    """Dual averaging: each point is the start plus a scaled sum of all gradients, with a cube root in place of Adagrad's square root.

    Formula:

    ```text
    g ← g + λθ                       not if decoupled
    a_t = (η + ε)√t                  0 where η is 0
    s ← s + a_t·g
    ν ← ν + a_t·g²
    z = θ₀ − s / (∛ν + ε)            θ₀: the start
    θ ← μθ + (1 − μ)z
    θ ← μθ + (1 − μ)z − (η + ε)λθ    decoupled
    ```

    Arguments:
        lr: the learning rate η (default 0.01)
        momentum: μ, how much of θ is kept; 1 − c of the paper; valid: [0, 1) (default 0.9)
        eps: ε, added to the cube root and to η; valid: [0, ∞) (default 1e-06)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        decoupled_weight_decay: shrink the weights by the fraction ηλ instead of adding λθ to the gradient; valid: true, false (default False)
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `grad_sum_sq` (ν), `s`; `x0` (θ₀) with momentum. Each has the parameter's shape, 4 bytes per element (8
    for f64). Without momentum, θ₀ is θ + s/(∛ν + ε) of the step before.

    Differences:

    The authors' package madgrad: none. The paper has no ε beside η.

    Source:

    Defazio & Jelassi, Adaptivity without Compromise: A Momentumized, Adaptive, Dual Averaged Gradient
    Method for Stochastic Optimization, JMLR 23, 2022, algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.01,
        momentum: float = 0.9,
        eps: float = 1e-06,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...

class Ftrl(Optimizer):
    """Follows the regularized leader: the weights that would have done best against all gradients so far, near the past points and, with λ₁, exactly zero where they do not pay.

    Formula:

    ```text
    g ← g + λθ,  p = −learning_rate_power
    n ← n + g²                                   n begins with the initial accumulator value
    q_t = (β + nᵖ) / η                           the inverse rate; q₀ = 0
    z ← z + g + 2·l2_shrinkage·θ − (q_t − q_{t−1})θ
    θ ← (clamp(z, ±λ₁) − z) / (q_t + λ₂)

    keras:  z ← z + g + 2·l2_shrinkage·θ − (nᵖ − n₋ᵖ)/η · θ         n₋: n of the step before
            θ ← (clamp(z, ±λ₁) − z) / (q_t + 2λ₂)
    ```
    Where the denominator is 0, θ stays. A step with η = 0 changes nothing.

    Arguments:
        lr: the learning rate η (default 0.05)
        learning_rate_power: −p, how the rate falls with the sum of squares; valid: [-1, 0] (default -0.5)
        beta: β, added to the power of the sum of squares; valid: [0, ∞) (default 1.0)
        l1: λ₁, the L1 penalty; valid: [0, ∞) (default 0.0)
        l2: λ₂, the L2 penalty against all gradients so far; valid: [0, ∞) (default 0.0)
        l2_shrinkage: half the L2 penalty of this step, which is not in the sum of squares; valid: [0, ∞) (default 0.0)
        initial_accumulator_value: what the sum of squares begins with; valid: [0, ∞) (default 0.0)
        weight_decay: λ, the L2 penalty, added to the gradient; valid: [0, ∞) (default 0.0)
        dialect: whose formula and defaults, where implementations differ; valid: paper, keras (default 'paper')
        maximize: go up, not down (default False)
        clip_norm: bound all gradients together to this Euclidean norm, as `clip_grad_norm_` does; the gradients stay as they are (default None)
        clip_value: bound each element of the gradients to [-c, c] (default None)
        state_format: how state is kept: "f32", "bf16" or "8bit", rounded at random; f64 parameters, small tensors and rules for whole tensors keep theirs (default None)
        non_finite: what a gradient that is not finite is: "unchecked", an "error" (ArithmeticError, which names it), or a step to "skip" (default 'unchecked')
        ema: keep an exponential moving average of the weights: {} or settings such as {'decay': 0.999, 'start': 1, 'every': 1, 'warmup': False} (default None)
        swa: keep the mean of the weights: {} or settings such as {'start': 1, 'every': 1} (default None)
        lookahead: draw the weights back to slow ones: {} or settings such as {'every': 5, 'alpha': 0.5} (default None)
        cautious: keep of each update only what goes against its gradient (default None)
        rounding_seed: what everything that is rounded at random is keyed by (default None)
        measure_updates: measure the ratio of update to weight on every so many-th step, for `health()` (default None)

    State:

    `accumulator` (n), `linear` (z). Each has the parameter's shape, 4 bytes per element (8 for f64). Two
    numbers for each tensor, `inverse_rate` and `inverse_rate_before`: 1/η of this step and the one before.

    Differences:

    The paper's algorithm has a constant η and begins at θ = 0, where it is the same as here; for other
    starts and a changing η this keeps to its definition, in which the σ up to step t sum to q_t. Keras:
    `dialect = keras`, with its defaults n = 0.1 and β = 0. There the step forgets θ unless it began with 0, and
    when η falls, all weights shrink with it. Keras's own weight decay shrinks the weights before the step.

    Source:

    McMahan et al., Ad Click Prediction: a View from the Trenches, KDD 2013, section 3 and algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.05,
        learning_rate_power: float = -0.5,
        beta: float = 1.0,
        l1: float = 0.0,
        l2: float = 0.0,
        l2_shrinkage: float = 0.0,
        initial_accumulator_value: float = 0.0,
        weight_decay: float = 0.0,
        dialect: str = 'paper',
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        state_format: Literal["f32", "bf16", "8bit"] | None = None,
        non_finite: Literal["unchecked", "error", "skip"] = 'unchecked',
        ema: dict[str, Any] | None = None,
        swa: dict[str, Any] | None = None,
        lookahead: dict[str, Any] | None = None,
        cautious: bool | None = None,
        rounding_seed: int | None = None,
        measure_updates: int | None = None,
    ) -> None: ...
