"""Several windows at once, each on one core.

A forward pass is thousands of short steps. When the threads of one pass share every step, they wait
for each other at the end of each, and a core that another program takes for a moment stops all of
them. Windows do not depend on each other, so each core can take a window of its own instead: nobody
waits, and the numbers are those of a single thread, whatever the number of cores. It costs the
memory of one pass for each further core.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Future

    from torch import Tensor

    from carotid.network.windows.plan import WindowWorkers


def side_by_side(
    jobs: Iterable[tuple[Callable[[Tensor], Tensor], Tensor]], workers: WindowWorkers
) -> Generator[Tensor]:
    """Yield what networks make of windows, in their order, several of them at work at a time.

    The number of threads of the caller stays as it is. Windows are taken, and results kept, one
    more than there are workers ahead at most; these go on while the caller is busy with a result.
    An error in a window is raised where its result would have been, and no further windows are
    begun.

    Args:
        jobs: Each a network and its window, made as they are needed, in the calling thread.
        workers: How many at a time; a single one works in the calling thread, with its threads.
    """
    if workers.count <= 1:
        yield from (_without_gradients(network, window) for network, window in jobs)
        return
    pool = ThreadPoolExecutor(workers.count, "window", torch.set_num_threads, (workers.threads,))
    ahead: deque[Future[Tensor]] = deque()
    try:
        for network, window in jobs:
            ahead.append(pool.submit(_without_gradients, network, window))
            del window  # the worker's alone
            if len(ahead) > workers.count:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    except Exception:
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    except BaseException:  # closed, or interrupted with windows ahead: then, leave now
        pool.shutdown(wait=not ahead, cancel_futures=True)
        raise
    pool.shutdown(wait=True)


def _without_gradients(network: Callable[[Tensor], Tensor], window: Tensor) -> Tensor:
    with torch.inference_mode():
        return network(window)
