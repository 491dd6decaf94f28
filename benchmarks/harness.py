"""What every benchmark shares: machine facts, interleaved rounds, ratios, and the page of results.

Peers are measured in turns (A B C, A B C, ...), so that a machine that slows down slows all of them; a ratio
is the median of the rounds' ratios, not a ratio of medians.
"""

import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".benchmarks"


def cpu_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(re.findall(r"^([^\t:]+)\s*: (.*)$", text, re.MULTILINE))
    isa = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in facts.get("flags", "")]
    family = f"family {facts.get('cpu family')} model {facts.get('model')}"
    return f"{facts.get('model name', 'unknown')} ({family}; {', '.join(isa)})"


def memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def machine_facts(threads: int, packages: Sequence[str]) -> list[str]:
    """Lines that tell a reader what the figures were measured on."""
    versions = ", ".join(f"{package} {metadata.version(package)}" for package in packages)
    cpus = len(os.sched_getaffinity(0))
    return [
        f"CPU: {cpu_name()}, {cpus} CPUs, {memory_gib():.0f} GiB",
        f"Load before the run: {os.getloadavg()[0]:.2f}",
        f"Threads: {threads}",
        f"Versions: Python {platform.python_version()}, {versions}",
    ]


@dataclass
class Series:
    """One contestant's figures, one a round."""

    name: str
    values: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def spread(self, form: str) -> str:
        return f"{min(self.values):{form}} to {max(self.values):{form}}"


def interleave(rounds: int, contestants: Mapping[str, Callable[[], float]], unit: str) -> list[Series]:
    """Calls every contestant once a round, in turns, and prints each figure as it comes."""
    series = [Series(name, []) for name in contestants]
    for number in range(1, rounds + 1):
        for figures, measure in zip(series, contestants.values(), strict=True):
            figures.values.append(measure())
            print(
                f"  round {number}/{rounds}  {figures.name:<28} {figures.values[-1]:9.3f} {unit}", flush=True
            )
    return series


def paired_ratio(numerator: Series, denominator: Series) -> float:
    """Median over the rounds of numerator / denominator."""
    return statistics.median(a / b for a, b in zip(numerator.values, denominator.values, strict=True))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join("---" for _ in header) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


@dataclass
class Report:
    """A benchmark's outcome as Markdown."""

    title: str
    facts: list[str]
    body: list[str]
    failures: list[str] = field(default_factory=list)  # what should have been equal and is not
    variant: str = ""  # tells sections of one benchmark apart that are kept beside each other

    def markdown(self, command: str) -> str:
        facts = [f"- {fact}" for fact in self.facts]
        date = time.strftime("%Y-%m-%d", time.gmtime())
        return "\n".join([f"## {self.title}", "", f"`{command}`, {date}", "", *facts, "", *self.body, ""])


def save(name: str, text: str) -> None:
    """Puts the section between its marks in RESULTS.md, in the place of the earlier one."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    page = RESULTS.read_text() if RESULTS.exists() else "# Results\n"
    section = f"{begin}\n{text}{end}\n"
    marked = re.compile(re.escape(begin) + ".*?" + re.escape(end) + "\n", re.DOTALL)
    page = marked.sub(lambda _: section, page) if marked.search(page) else f"{page.rstrip()}\n\n{section}"
    RESULTS.write_text(page)


def child_environment(**changes: str) -> dict[str, str]:
    """For our scripts: they import the package that `python -m benchmarks` does, the one in this folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable, **changes}


@dataclass
class ProcessRun:
    """A whole process: what it printed, when, and what it took."""

    lines: list[tuple[float, str]]  # seconds since the start, line
    seconds: float
    peak_mib: float

    def seconds_at(self, start: str) -> float:
        """When the last line that starts so was printed."""
        return [moment for moment, line in self.lines if line.startswith(start)][-1]


def run_process(command: Sequence[str], cwd: Path | None = None, **environment: str) -> ProcessRun:
    """Runs a process to its end; its standard error goes through only if it fails."""
    full = child_environment(PYTHONUNBUFFERED="1", **environment)
    log = CACHE / "stderr.txt"
    CACHE.mkdir(exist_ok=True)
    started = time.perf_counter()
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, cwd=cwd, env=full, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        assert process.stdout is not None
        lines = [(time.perf_counter() - started, line.rstrip("\n")) for line in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.stderr.write(log.read_text()[-4000:])
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return ProcessRun(lines, seconds, usage.ru_maxrss / 1024)


class Worker:
    """A process that stays. It says `answer: ready`, then to every line `answer:` and words."""

    def __init__(self, name: str, command: Sequence[str], **environment: str) -> None:
        self.name = name
        self.log = (CACHE / f"worker-{re.sub('[^a-z0-9]+', '-', name.lower())}.txt").open("w+")
        env, pipe = child_environment(**environment), subprocess.PIPE
        self.process = subprocess.Popen(
            command, env=env, stdin=pipe, stdout=pipe, stderr=self.log, text=True, bufsize=1
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self._answer()

    def _answer(self) -> list[str]:
        for line in self.stdout:
            if line.startswith("answer:"):
                return line.split()[1:]
        self.log.seek(0)
        raise RuntimeError(f"{self.name} ended: {self.log.read()[-3000:]}")

    def ask(self, line: str = "") -> list[str]:
        """The words of the answer to the line."""
        self.stdin.write(f"{line}\n")
        return self._answer()

    def close(self) -> None:
        self.stdin.close()
        self.process.wait()
        self.stdout.close()
        self.log.close()
