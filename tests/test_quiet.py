"""Muting warnings in two threads at once leaves them as they were."""

from __future__ import annotations

import threading
import warnings

from carotid.quiet import without_warnings


def test_two_threads_leave_the_filters_as_they_were() -> None:
    before = list(warnings.filters)
    inside, go_on = threading.Event(), threading.Event()

    def other() -> None:
        with without_warnings():
            inside.set()
            go_on.wait(30)

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(30)
    threading.Timer(0.1, go_on.set).start()
    with without_warnings(), without_warnings():
        warnings.warn("nobody hears this", stacklevel=1)
        assert not thread.is_alive() or go_on.is_set(), "one at a time"
    thread.join(30)
    assert list(warnings.filters) == before
