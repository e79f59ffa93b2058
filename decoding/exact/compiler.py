"""Turning kernels in C into a library for the processor at hand, once for each machine.

The compiler is the one of the ziglang package, so that a machine needs none of its own and all have the same.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("kernels.c")
SHARED = Path(__file__).with_name("shared.h")
"""What all kernels include."""

_OPTIONS = (
    "-std=c11",
    "-O3",
    "-march=native",
    "-ffp-contract=off",
    "-fno-sanitize=all",
    "-shared",
    "-fPIC",
    "-lpthread",
)
_NEEDED = ("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni")
_PATIENCE_S = 300


class KernelsUnavailable(ValueError):
    """The kernels can't be compiled or loaded; the compiler's or the system's own words are in the message."""


def obstacle() -> str | None:
    """Why this machine can't run the kernels; None if it can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"the kernels run on 64-bit x86 Linux, not on {sys.platform} {platform.machine()}"
    missing = [name for name in _NEEDED if name not in processor_flags()]
    return f"the processor lacks {', '.join(missing)}" if missing else None


def library(folder: Path, source: Path | None = None) -> Path:
    """The compiled ``source`` (left out: the exact target's) in ``folder``, made for this processor if need be (3 s).

    Raises `KernelsUnavailable`.
    """
    source = source or SOURCE
    final = folder / f"kernels-{fingerprint(source)}.so"
    if final.is_file():
        return final
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _compile(source, Path(scratch) / "kernels.so").replace(final)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KernelsUnavailable(f"compiling {source.name} failed: {error}") from error
    return final


def fingerprint(source: Path | None = None) -> str:
    """Names what is compiled, how, and for which processor."""
    code = (source or SOURCE).read_bytes() + SHARED.read_bytes()
    return hashlib.sha256(code + " ".join((*_OPTIONS, *processor_flags())).encode()).hexdigest()[:16]


def opened(file: Path) -> ctypes.CDLL:
    """The compiled kernels in ``file``. Raises `KernelsUnavailable`, also where the folder may hold no programs."""
    try:
        return ctypes.CDLL(str(file))
    except OSError as error:
        raise KernelsUnavailable(f"loading {file} failed ({error}); delete it, it will be made again") from error


def _compile(source: Path, target: Path) -> Path:
    command = [sys.executable, "-m", "ziglang", "cc", *_OPTIONS, "-o", str(target), str(source)]
    caches = {"ZIG_GLOBAL_CACHE_DIR": str(target.parent), "ZIG_LOCAL_CACHE_DIR": str(target.parent)}
    done = subprocess.run(
        command, env=os.environ | caches, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
    )
    if done.returncode:
        raise KernelsUnavailable(f"compiling {source.name} failed: {done.stderr.strip()[-2000:]}")
    return target


def processor_flags() -> list[str]:
    """What the processor can do, as the kernel lists it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
    return next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
