"""What a GPU needs besides networks: a queue of its own for folding, and fast ways to main memory.

Work on a GPU waits in queues ("streams"), and PyTorch puts all of it into one unless told
otherwise. A slab that is folded there would wait for every window that has been asked for before
it. Folding therefore goes to a second queue, whose work is taken first.

Everything here may be called with a CPU as well, where it does nothing special.
"""

from __future__ import annotations

import functools
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

_making = threading.Lock()

_FIRST = -1
"""A stream of this priority goes before the default one, which has 0."""


def folding_stream(device: torch.device) -> AbstractContextManager[object]:
    """Let what is computed on a GPU inside the `with` go past the windows that wait there.

    What it reads must have been completed before; what it makes may be used in this stream only.
    """
    if device.type != "cuda":
        return nullcontext()
    with _making:
        stream = _stream(device)
    return torch.cuda.stream(stream)


def to_host(values: Tensor) -> NDArray[np.float32]:
    """A tensor's numbers in main memory, once they are all there.

    From a GPU they go to page-locked memory, if there is any, which is used again: thirty times
    faster than fresh memory.
    """
    if values.is_cuda:
        try:
            locked = torch.empty_like(values, device="cpu", pin_memory=True)
        except RuntimeError:
            values = values.cpu()
        else:
            values = locked.copy_(values)
    found: NDArray[np.float32] = values.numpy()
    return found


def spare_bytes(device: torch.device) -> int:
    """Memory of a GPU that nothing uses at the moment."""
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


@functools.cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """One for all: what PyTorch keeps of a stream's memory serves that stream alone."""
    return torch.cuda.Stream(device, priority=_FIRST)  # type: ignore[no-untyped-call]
