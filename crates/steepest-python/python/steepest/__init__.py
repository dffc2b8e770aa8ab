"""Neural-network optimizers in one pass over memory, with the same bits for any number of threads.

`steepest.torch` has every optimizer as a `torch.optim.Optimizer`; `steepest.numpy` has them for arrays, with `minimize`, schedules and
`check_gradient`. Neither is imported here, so that each needs only what it works on.
"""

from steepest._steepest import __version__, get_num_threads, set_num_threads

__all__ = ["__version__", "get_num_threads", "set_num_threads"]
