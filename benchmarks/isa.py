"""Holds a process to AVX2 on a machine that has more, and tells whether it was held.

The held process is started with hide_avx512.c preloaded, under which CPUID shows neither AVX-512 nor AMX, so
that every library chooses as on a machine without them. glibc reads CPUID before anything can be preloaded; a
switch of its own tells it. The kernel's record of each thread's last use of AVX-512 registers shows the
effect.
"""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import CACHE

NATIVE, AVX2 = "native", "avx2"
ISAS = (NATIVE, AVX2)
SOURCE = Path(__file__).with_name("hide_avx512.c")
GLIBC = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW"  # or memcpy uses AVX-512's registers


def environment(isa: str) -> dict[str, str]:
    """What a process is to be started with."""
    if isa == NATIVE:
        return {}
    return {
        "LD_PRELOAD": str(_library()),
        "GLIBC_TUNABLES": GLIBC,
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "PYDEEPL_KERNELS": "avx2",
    }


def _library() -> Path:
    library = CACHE / "hide_avx512.so"
    if not library.exists() or library.stat().st_mtime < SOURCE.stat().st_mtime:
        command = [os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", str(SOURCE), "-o", str(library)]
        subprocess.run(command, check=True)
    return library


def used_avx512(run: Callable[[], object], seconds: float = 0.5) -> bool:
    """Runs again and again for some time: has a thread of this process used AVX-512 registers meanwhile?

    The kernel notes a use when the thread is next switched away, which within such a time it is.
    """
    time.sleep(0.05)  # tells what happened before from what happens now
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        run()
    time.sleep(0.02)
    ago = [int(path.read_text().split()[-1]) for path in Path("/proc/self/task").glob("*/arch_status")]
    if not ago:
        raise SystemExit("needed: Linux' /proc/PID/arch_status, which tells who used AVX-512")
    elapsed = 1e3 * (time.perf_counter() - started)
    return any(0 <= milliseconds < elapsed for milliseconds in ago)
