"""What the suites on real systemd hosts share: a lab of ops/lab/hosts, and the traces it may leave.

    lab = Lab(world.work / "lab")          # for a suite of its own: harness.run(__doc__, World)
    lab.up("a", "b")                       # they end with this process, however it dies
    lab.inside("a", "systemctl", "start", "x").stdout
    lab.net("curl", "http://a/")
"""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import textwrap
import time

import harness
from harness import OPS, alive, check, eventually

HOSTS = str(OPS / "lab/hosts")
SUBNET = "10.77.0."
# Prints whether a port of an address can be reached: PYTHON -c KNOCK ADDRESS PORT.
KNOCK = "import sys, socket\ntry: socket.create_connection((sys.argv[1], int(sys.argv[2])), 1); print('open')\n" \
       "except OSError as error: print('shut', error)"


def run(*words, fails=False, seconds=60, **options):
    done = subprocess.run([str(word) for word in words], text=True, capture_output=True, timeout=seconds,
                          stdin=None if "input" in options else subprocess.DEVNULL, **options)
    shown = " ".join(map(str, words[:8]))
    check(fails or done.returncode == 0, f"{shown} exited {done.returncode}: {done.stderr[-600:]}")
    done.both = done.stdout + done.stderr
    return done


def refused(done, reason):
    check(done.returncode != 0 and reason in done.both, f"not refused with {reason!r}: {done.returncode} {done.both!r}")


class Lab:
    def __init__(self, folder):
        self.folder = folder

    def hosts(self, *words, **options):
        return run(HOSTS, "--lab", self.folder, *words, **options)

    def up(self, *words):
        return self.hosts("up", *words, "--owner-pid", os.getpid()).stdout.splitlines()

    def inside(self, host, *command, **options):
        return self.hosts("exec", host, "--", *command, **options)

    def net(self, *command, **options):
        return self.hosts("net", "--", *command, **options)

    def unit(self, host, *words, **options):
        """Runs a command in a transient unit of the host: properties first, then `--`, then the command."""
        place = words.index("--")
        properties = [f"--property={word}" for word in words[:place]]
        command = ["systemd-run", "--quiet", "--collect", "--wait", "--pipe", *properties, *words[place:]]
        return self.inside(host, *command, **options)

    def rows(self):
        return {row["name"]: row for row in json.loads(self.hosts("list", "--json").stdout)}

    def record(self):
        return json.loads((self.folder / "lab.json").read_text())

    def write(self, host, path, text):
        self.inside(host, "sh", "-c", 'cat > "$1"', "sh", path, input=textwrap.dedent(text))


class World:
    """Two hosts, a and b, for all tests of a suite; each test leaves them up."""

    def __init__(self, stack):
        os.environ.pop("CONVOY_LAB", None)
        self.work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="convoy-lab-test-")))
        self.bound = self.work / "bound"
        self.bound.mkdir()
        (self.bound / "word").write_text("from outside")
        self.lab = Lab(self.work / "lab")
        stack.callback(self.lab.hosts, "down", "--all", fails=True)
        run(HOSTS, "image", seconds=600)
        began = time.monotonic()
        self.lines = self.lab.up("a", "b", "--bind-ro", f"{self.bound}:/opt/bound")
        self.booted = time.monotonic() - began


class Traces:
    """All that a lab consists of, noted while it lives, to be looked for when it should be gone."""

    def __init__(self, lab, *pids):
        record = lab.record()
        # Held open, or its number could soon be another network's.
        self.kept = open(f"/proc/{record['holder']['pid']}/ns/net")
        self.folder, self.net = lab.folder, record["net"]
        self.pids = {record["keeper"]["pid"], record["holder"]["pid"], *pids, *self.named()}
        self.pids |= {row["pid"] for row in lab.rows().values()}
        check(len(self.pids) >= 6 and self.cgroups() and self.registered(), f"there are traces to find: {vars(self)}")

    def named(self):
        return set(harness.processes_below(self.folder))

    def cgroups(self):
        name = pathlib.Path(next(iter(self.registered()), "/none")).name
        self.name = getattr(self, "name", name)
        return [place for place, _, _ in os.walk("/sys/fs/cgroup") if self.name in place]

    def registered(self):
        return [entry for entry in pathlib.Path("/run/convoy-lab").glob("*") if os.readlink(entry) == str(self.folder)]

    def network(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                found += [pid] if os.stat(f"/proc/{pid}/ns/net").st_ino == self.net and alive(pid) else []
        return found

    def left(self):
        found = {"processes": [pid for pid in self.pids | self.named() if alive(pid)], "cgroups": self.cgroups(),
                 "register": self.registered(), "folder": self.folder.exists(), "network": self.network(),
                 "mounts": str(self.folder) in pathlib.Path("/proc/self/mounts").read_text()}
        return {what: those for what, those in found.items() if those}

    def must_vanish(self, seconds):
        with contextlib.suppress(AssertionError):
            eventually(seconds, "all gone", lambda: not self.left(), every=0.1)
        check(not self.left(), f"left behind: {self.left()}")
