"""Keeps freed memory in this process instead of returning it to the system after every layer."""

from __future__ import annotations


def keep_freed_memory() -> None:
    """Placeholder."""
