"""Every optimizer of steepest as a `torch.optim.Optimizer`, on torch's own memory."""

# written by stubs.py from the registry of optimizers

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, TypedDict, Unpack

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

class Options(TypedDict, total=False):
    clip_norm: float | None
    clip_value: float | None
    state_format: Literal["f32", "bf16", "8bit"] | None
    non_finite: Literal["unchecked", "error", "skip"]
    ema: dict[str, Any] | None
    swa: dict[str, Any] | None
    lookahead: dict[str, Any] | None
    cautious: bool | None
    rounding_seed: int | None
    measure_updates: int | None

class SGD(Optimizer):
    """Stochastic gradient descent, plain or with momentum. `help(SGD)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Adagrad(Optimizer):
    """Steps that shrink with the sum of all squared gradients: large for rare features. `help(Adagrad)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class RMSprop(Optimizer):
    """Steps divided by the root of a moving average of squared gradients. `help(RMSprop)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Adam(Optimizer):
    """Steps along a moving average of the gradient, divided by the root of a moving average of its square. `help(Adam)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class AdamW(Optimizer):
    """Adam with decoupled weight decay: the weights shrink by the same fraction whatever their gradient. `help(AdamW)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Adadelta(Optimizer):
    """Steps in the unit of the parameter: the gradient times the ratio of two root mean squares. `help(Adadelta)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Adamax(Optimizer):
    """Adam with the largest recent gradient in place of the root mean square. `help(Adamax)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class RAdam(Optimizer):
    """Adam whose first steps, where the average square is not yet known well, are plain momentum steps and whose next ones are shortened accordingly. `help(RAdam)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class NAdam(Optimizer):
    """Adam with Nesterov's momentum: the step looks ahead along the average gradient, with a momentum that grows during the first steps. `help(NAdam)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class ASGD(Optimizer):
    """Gradient descent with falling steps that also keeps the average of the parameters, which noise disturbs less than the parameters themselves. `help(ASGD)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Rprop(Optimizer):
    """A step size for each parameter that grows while the gradient keeps its sign and shrinks when it turns; only signs of gradients count. For full batches: noise turns signs. `help(Rprop)` has formula, settings and source."""

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.01,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-06, 50.0),
        *,
        maximize: bool = False,
        **options: Unpack[Options],
    ) -> None: ...

class Lamb(Optimizer):
    """Adam's direction, scaled for each tensor so that a step of rate η moves it by the fraction η of its norm. `help(Lamb)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Lars(Optimizer):
    """Momentum whose every step is scaled, for each tensor, to a fraction of that tensor's norm. `help(Lars)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class NovoGrad(Optimizer):
    """Momentum of gradients that are divided by a moving average of their tensor's norm. `help(NovoGrad)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Fromage(Optimizer):
    """Steps of length η‖θ‖ along the gradient of each tensor, then a rescaling that keeps norms from growing. `help(Fromage)` has formula, settings and source."""

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.01,
        min_norm: float = 0.0,
        *,
        maximize: bool = False,
        **options: Unpack[Options],
    ) -> None: ...

class Polyak(Optimizer):
    """Gradient descent whose rate is the gap of the loss to its lower bound over the squared norm of the gradient. `help(Polyak)` has formula, settings and source."""

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 1.0,
        f_min: float = 0.0,
        eps: float = 0.0,
        variant: str = 'sps',
        *,
        maximize: bool = False,
        **options: Unpack[Options],
    ) -> None: ...

class DoG(Optimizer):
    """Gradient descent whose rate is the largest distance from the start over the root of all squared gradients. `help(DoG)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class DoWG(Optimizer):
    """Gradient descent whose rate grows with the square of the distance from the start: DoG with weighted gradients. `help(DoWG)` has formula, settings and source."""

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 1.0,
        d0_sq: float = 0.0001,
        eps: float = 0.0001,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **options: Unpack[Options],
    ) -> None: ...

class ScheduleFreeSgd(Optimizer):
    """Gradient descent whose weights are averaged as it goes, so that η need not fall: the gradient is taken between the average and the last iterate. `help(ScheduleFreeSgd)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class ScheduleFreeAdamW(Optimizer):
    """RMSprop with corrected averages whose weights are averaged as it goes, so that η need not fall. `help(ScheduleFreeAdamW)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Prodigy(Optimizer):
    """Adam that finds its rate: an estimate d of the distance to the solution, which only grows. `help(Prodigy)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class DAdaptAdam(Optimizer):
    """Adam that finds its rate: D-Adaptation's estimate d of the distance to the solution, which only grows. `help(DAdaptAdam)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class DAdaptSgd(Optimizer):
    """Gradient descent that finds its rate: D-Adaptation's estimate d of the distance to the solution, which only grows. `help(DAdaptSgd)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Mechanic(Optimizer):
    """A tuner round AdamW, SGD or Lion: it learns by what to multiply everything that they have moved so far. `help(Mechanic)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Adafactor(Optimizer):
    """Steps divided by the root of an average square that is kept for rows and columns only, in units of the parameter's size. `help(Adafactor)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Sm3(Optimizer):
    """Adagrad with one sum for each row and each column: an element's sum is at most the smaller of its two. `help(Sm3)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Muon(Optimizer):
    """Steps whose matrix has all singular values near 1: the momentum, orthogonalized. `help(Muon)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class NorMuon(Optimizer):
    """Muon whose rows, one for each output, are brought to the same size over time. `help(NorMuon)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Mud(Optimizer):
    """Muon with a triangular solve instead of polynomials: each row loses what it shares with the rows above it. `help(Mud)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Shampoo(Optimizer):
    """The gradient divided on both sides by roots of the sums of its squares: AdaGrad with a full matrix for each axis. `help(Shampoo)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Soap(Optimizer):
    """Adam in the eigenvectors of Shampoo's matrices. `help(Soap)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Kron(Optimizer):
    """PSGD with a Kronecker-factored preconditioner: two triangles that learn, step by step, to make gradients white. `help(Kron)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class SignSgd(Optimizer):
    """Steps of one size, against the sign of each element of the gradient. `help(SignSgd)` has formula, settings and source."""

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.001,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **options: Unpack[Options],
    ) -> None: ...

class Signum(Optimizer):
    """Steps of one size, against the sign of a moving average of the gradient. `help(Signum)` has formula, settings and source."""

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.001,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **options: Unpack[Options],
    ) -> None: ...

class Lion(Optimizer):
    """Steps of one size: along the sign of a moving average that gives the newest gradient more weight. `help(Lion)` has formula, settings and source."""

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.0005,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.001,
        *,
        maximize: bool = False,
        **options: Unpack[Options],
    ) -> None: ...

class AdaBelief(Optimizer):
    """Adam that divides by how far gradients lie from their average: long steps where the average predicts them. `help(AdaBelief)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Yogi(Optimizer):
    """Adam whose average square moves by a fraction of g², whatever the distance: it grows as fast, but falls slowly. `help(Yogi)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Adan(Optimizer):
    """Nesterov's momentum for adaptive steps: it averages gradients and their differences, and needs no gradient at a point ahead. `help(Adan)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class AdEMAMix(Optimizer):
    """AdamW with a second, slow average of the gradient, which remembers thousands of steps. `help(AdEMAMix)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class SimplifiedAdEMAMix(Optimizer):
    """AdEMAMix with one average: the gradient of the step itself takes the place of the fast one. `help(SimplifiedAdEMAMix)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Adopt(Optimizer):
    """Adam that divides each gradient by the average square before it, then averages: it converges with any β₂. `help(Adopt)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class QHAdam(Optimizer):
    """Adam whose averages are mixed with the newest gradient: a long memory that still reacts at once. `help(QHAdam)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class LaProp(Optimizer):
    """Adam in the other order: each gradient is divided first, then averaged, so that β₁ and β₂ do not depend on each other. `help(LaProp)` has formula, settings and source."""

    def __init__(
        self,
        params: Params,
        lr: float | torch.Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-15,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **options: Unpack[Options],
    ) -> None: ...

class AdaBound(Optimizer):
    """Adam whose rates are held between two bounds that close in on one rate: it begins as Adam and ends as SGD with momentum. `help(AdaBound)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Madgrad(Optimizer):
    """Dual averaging: each point is the start plus a scaled sum of all gradients, with a cube root in place of Adagrad's square root. `help(Madgrad)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...

class Ftrl(Optimizer):
    """Follows the regularized leader: the weights that would have done best against all gradients so far, near the past points and, with λ₁, exactly zero where they do not pay. `help(Ftrl)` has formula, settings and source."""

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
        **options: Unpack[Options],
    ) -> None: ...
