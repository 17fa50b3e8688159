"""The only place where a device is chosen."""

from __future__ import annotations

import torch

from carotid.errors import UsageError

DEVICES = ("cuda", "cpu")

CPU = torch.device("cpu")


def as_device(device: torch.device | str | None) -> torch.device:
    """A device from its name; None is the CPU.

    Raises:
        UsageError: Where the name is unknown, or there is no such device here.
    """
    if device is None:
        return CPU
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise UsageError("unknown device", found=device, expected="cpu or cuda") from error
    if chosen.type == "cuda" and not (chosen.index or 0) < torch.cuda.device_count():
        raise UsageError(
            "this device is not available here",
            found=device,
            expected=f"cpu, or one of {torch.cuda.device_count()} CUDA devices",
        )
    return chosen


def choose_device(name: str | None) -> torch.device:
    """The device for the forward pass: the one asked for, else CUDA where there is one, else CPU.

    On CUDA, TensorFloat-32 is switched off, so that heatmaps agree with those of a CPU.

    Raises:
        UsageError: Where CUDA is asked for and there is none, or the name is unknown.
    """
    if name is not None and name not in DEVICES:
        raise UsageError("unknown device", found=name, expected="cuda or cpu")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        built = torch.version.cuda is not None
        why = "no usable GPU or driver" if built else "this PyTorch was built without CUDA"
        raise UsageError(
            f"--device cuda: CUDA is not available here ({why})",
            remedy="use --device cpu, or install a CUDA build of PyTorch",
        )
    if name == "cpu" or not available:
        return torch.device("cpu")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda")


def describe_device(device: torch.device) -> str:
    """The device in words, for logs and records."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return device.type
