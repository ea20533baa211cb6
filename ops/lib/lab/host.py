"""One host: its disk, its power switch, its wire, and the way in."""

import json
import pathlib
import re
import shutil
import signal
import subprocess
import time

from lab import cgroups, disk, words
from lab.lab import SUBNET, scope
from lab.words import Trouble, call, environment

NAME = re.compile(r"[a-z][a-z0-9-]{0,11}")
GUEST = ["env", "-i", "--chdir=/", f"PATH={words.SYSTEM_PATH}", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb",
         "SYSTEMD_PAGER="]


class Host:
    def __init__(self, lab, name):
        if not NAME.fullmatch(name) or name in ("hub", "localhost"):
            raise Trouble(f"{name!r} is no name for a host: 1 to 12 of a-z 0-9 -, a letter first, not hub", 64)
        self.lab, self.name = lab, name
        self.folder = lab.folder / "hosts" / name
        self.wire = f"h-{name}"

    def must_exist(self):
        if not self.folder.is_dir():
            raise Trouble(f"there is no host {self.name} in {self.lab.folder}; ops/lab/hosts list shows them", 64)
        return self

    @property
    def ip(self):
        return (self.folder / "ip").read_text()

    # Its place among the cgroups.

    @property
    def unit(self):
        return f"{self.lab.name}-host-{self.name}"

    def cgroups(self):
        """{hierarchy: this host's folder}"""
        record = self.lab.record()
        name = f"{self.unit}.scope" if record["scopes"] else self.name
        return {hierarchy: pathlib.Path(home) / name for hierarchy, home in record["homes"].items()}

    @property
    def cgroup(self):
        return self.cgroups()[""]

    @property
    def payload(self):
        return self.cgroup / "host/payload"

    def has_power(self):
        return cgroups.populated(self.cgroup)

    def leader(self):
        """The outer pid of the host's PID 1 once that is systemd; else None."""
        for place in (self.payload / "init.scope", self.payload):
            for pid in cgroups.members(place):
                if is_init(pid):
                    return pid
        return None

    # Power.

    def make(self, binds):
        if not self.folder.is_dir():
            taken = {other.ip for other in hosts(self.lab)}
            free = next(ip for number in range(11, 250) if (ip := f"{SUBNET}.{number}") not in taken)
            disk.make(self.lab, self, free)
        if binds:
            (self.folder / "binds").write_text(json.dumps(binds))

    def power_on(self):
        (self.folder / "power").unlink(missing_ok=True)
        command = [words.PYTHON, words.COMMAND, "power", str(self.lab.folder), self.name]
        if self.lab.record()["scopes"]:
            # The machine's systemd may not have noticed yet that the scope of the boot before is empty.
            state = ["systemctl", "show", "--property=ActiveState", "--value", f"{self.unit}.scope"]
            words.eventually(10, lambda: call(*state) == "inactive")
            command = scope(self.unit, command)
        with open(self.folder / "console", "wb") as console:
            subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stdout=console,
                             stderr=subprocess.STDOUT, start_new_session=True, cwd="/")

    def wait_until_up(self, seconds=60, after=None):
        """Waits for the end of the boot (of another PID 1 than `after`); answers (state, failed units)."""
        deadline = time.monotonic() + seconds
        began = had_power = False
        while time.monotonic() < deadline:
            leader = self.leader()
            if leader and leader != after:
                state = self.ask("systemctl", "is-system-running", "--wait", seconds=deadline - time.monotonic())
                if state in ("running", "degraded"):
                    return state, self.failed_units()
            began = began or (self.folder / "power").exists()
            had_power = self.has_power()
            if began and not had_power:
                break
            time.sleep(0.01)
        raise Trouble(f"{self.name} did not boot{'' if had_power else ', it lost its power'}; its console ends with:\n"
                      f"{words.tail(self.folder / 'console')}\n{self.ask('systemctl', 'list-jobs', '--no-pager')}")

    def failed_units(self):
        rows = self.ask("systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager")
        return [row.split()[0] for row in rows.splitlines()]

    def cut_power(self):
        """Power loss. The wire first: the kernel would go on to answer for the dead host's addresses."""
        self.lab.hub("ip", "link", "set", self.wire, "down", check=False)
        cgroups.kill(self.cgroup)

    def shut_down(self):
        words.signal_process(words.process(self.running_leader()), signal.SIGRTMIN + 4)
        if not words.eventually(60, lambda: not self.has_power()):
            raise Trouble(f"{self.name} did not power off in 60 s; its console ends with:\n"
                          f"{words.tail(self.folder / 'console')}")

    def reboot(self):
        before = self.running_leader()
        words.signal_process(words.process(before), signal.SIGRTMIN + 5)
        return self.wait_until_up(60, after=before)

    def remove(self):
        if self.lab.is_up():
            self.cut_power()
            self.unplug()
            for folder in self.cgroups().values():
                cgroups.remove(folder)
        shutil.rmtree(self.folder)

    # Wire.

    @property
    def cut_mark(self):
        """Is there while the wire is cut: a reboot heals no wire."""
        return self.folder / "cut"

    def cut(self):
        self.cut_mark.touch()
        self.lab.hub("ip", "link", "set", self.wire, "down", check=False)

    def heal(self):
        self.cut_mark.unlink(missing_ok=True)
        self.lab.hub("ip", "link", "set", self.wire, "up", check=False)

    def unplug(self):
        self.lab.hub("ip", "link", "del", self.wire, check=False)

    # The way in.

    def running_leader(self):
        leader = self.leader()
        if not leader:
            raise Trouble(f"{self.name} is not up: ops/lab/hosts up {self.name} turns it on", 69)
        return leader

    def entrance(self):
        """The command that runs the command behind it inside the host. It ends with the one before it."""
        return ["nsenter", "--target", str(self.running_leader()), "--all",
                "setpriv", "--pdeathsig", "TERM", "--", *GUEST]

    def ask(self, *command, seconds=10):
        """What a command in the host prints; '' when it can't be asked."""
        if not self.leader():
            return ""
        try:
            return call(*self.entrance(), *command, check=False, timeout=max(seconds, 0.1))
        except subprocess.TimeoutExpired:
            return ""

    def describe(self):
        """One row of `list --json`."""
        leader = self.leader()
        if cgroups.frozen(self.payload):
            state = "paused"
        elif leader:
            state = self.ask("systemctl", "is-system-running") or "starting"
        else:
            state = "starting" if self.has_power() else "down"
        return {"name": self.name, "ip": self.ip, "state": state, "pid": leader, "wired": not self.cut_mark.exists(),
                "disk": str(self.folder / "upper"), "cgroup": str(self.payload)}


def is_init(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    # nspawn's child is a shell for a moment, then systemd.
    return status.startswith("Name:\tsystemd\n") and re.search(r"^NSpid:.*\t1$", status, re.MULTILINE) is not None


def hosts(lab):
    return [Host(lab, folder.name) for folder in sorted((lab.folder / "hosts").glob("*")) if (folder / "ip").exists()]
