"""A standalone Spark cluster on the loopback, each of its processes a process of this machine."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from pyspark.find_spark_home import _find_spark_home

STARTED = 90  # seconds that a JVM may take on a busy machine


class Node:
    """A master or a worker. Its executors and it are one process group: stop() leaves none of them."""

    def __init__(self, folder, name, kind, *arguments):
        self.log = Path(folder) / f"{name}.log"
        command = [
            f"{_find_spark_home()}/bin/spark-class",
            f"org.apache.spark.deploy.{kind}",
            *("--host", "127.0.0.1", "--port", "0", "--webui-port", "0"),
            *arguments,
        ]
        # What spark-class' scripts would find out by themselves, but not on a machine with several Sparks.
        environment = os.environ | {"SPARK_HOME": _find_spark_home(), "SPARK_NO_DAEMONIZE": "1"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    def wait_for(self, pattern):
        """The match of a line in the log, or an error with the log."""
        end = time.monotonic() + STARTED
        while time.monotonic() < end:
            if found := re.search(pattern, self.log.read_text()):
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"no {pattern!r} in {self.log}:\n{self.log.read_text()[-3000:]}")

    def stop(self):
        """Kills the whole node at once, as a power cut does."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Cluster:
    """A master and workers of one core each; a context manager that always stops them."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.nodes = []

    def __enter__(self):
        try:
            master = self._start("master", "master.Master")
            self.url = master.wait_for(r"Starting Spark master at (spark://\S+)").group(1)
            self.workers = [self._start_worker(index) for index in range(2)]
            for worker in self.workers:
                worker.wait_for("Successfully registered with master")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in reversed(self.nodes):
            node.stop()

    def add_worker(self):
        """One more, in the place of one that was stopped."""
        worker = self._start_worker(len(self.workers))
        worker.wait_for("Successfully registered with master")
        self.workers.append(worker)

    def _start(self, name, kind, *arguments):
        self.nodes.append(Node(self.folder, name, kind, *arguments))
        return self.nodes[-1]

    def _start_worker(self, index):
        home = self.folder / f"node{index}"
        home.mkdir()
        resources = ("--cores", "1", "--memory", "1g", "--work-dir", str(home))
        return self._start(f"worker{index}", "worker.Worker", *resources, self.url)
