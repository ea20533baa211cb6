"""A lab: a folder with its hosts' disks, and a keeper that holds the lab's namespaces as long as its owner lives."""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess

from lab import cgroups, words
from lab.words import Trouble, alive, call, environment

MARK = "lab.json"
# One entry per lab of this machine, so that a later run can clear what a killed keeper left.
REGISTER = pathlib.Path("/run/convoy-lab")
# Every lab has the same addresses: each in namespaces of its own, without a route from or to anywhere.
SUBNET = "10.77.0"
HUB = f"{SUBNET}.1"


class Lab:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.name = "convoy-lab-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]

    def record(self):
        """{keeper, holder, net, homes} of a lab that was started, else {}."""
        try:
            return json.loads((self.folder / MARK).read_text())
        except (OSError, ValueError):
            return {}

    def holder(self):
        """The outer pid of the process that holds the lab's namespaces."""
        holder = self.record().get("holder")
        if not alive(holder):
            raise Trouble(f"no lab is up in {self.folder}: ops/lab/hosts up NAME starts it", 69)
        return holder["pid"]

    def is_up(self):
        return alive(self.record().get("holder"))

    @contextlib.contextmanager
    def locked(self):
        with open(self.folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def hub(self, *command, check=True):
        """Runs a system tool in the lab's network; answers its output."""
        return call("nsenter", f"--net=/proc/{self.holder()}/ns/net", *command, check=check)

    def start(self, owner):
        """Starts the keeper unless it runs. The owner is a process; None: until `down --all`."""
        claim(self.folder)
        with self.locked():
            if self.is_up():
                return
            if self.record():
                raise Trouble(f"the lab in {self.folder} lost its keeper: ops/lab/hosts down --all clears it")
            self.start_keeper(owner)

    def start_keeper(self, owner):
        command = [words.PYTHON, words.COMMAND, "keeper", str(self.folder), json.dumps(owner)]
        if cgroups.scopes():
            # Not in the caller's cgroup, with which a CI job would take it along.
            command = scope(f"{self.name}-keeper", command)
        with open(self.folder / "keeper.log", "w+") as log:
            keeper = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=log, start_new_session=True, cwd="/")
            with keeper.stdout:
                if keeper.stdout.readline() == b"ready\n":
                    return
            keeper.wait()
            # Through the open file: the keeper has removed the folder.
            log.seek(0)
            raise Trouble(f"the lab's namespaces could not be made: {log.read().strip()[-800:]}\nIt needs root with "
                          "CAP_SYS_ADMIN and CAP_NET_ADMIN: in a container, --privileged.", 69)

    def end(self):
        """Ends everything of the lab, with its files."""
        keeper = self.record().get("keeper")
        if keeper:
            words.signal_process(keeper, signal.SIGTERM)
        if keeper and not words.eventually(60, lambda: not alive(keeper)):
            raise Trouble(f"the lab's keeper {keeper['pid']} did not end; see {self.folder}/keeper.log")
        self.clear()

    def clear(self):
        """Removes what is left when the holder is dead or to die; may be called again and again."""
        record = self.record()
        holder = record.get("holder")
        if holder:
            # Init of the lab's pid namespace: the kernel ends every process in it, and with the last one
            # go the mounts and the networks.
            words.signal_process(holder, signal.SIGKILL)
            words.eventually(30, lambda: not alive(holder))
        self.end_strangers(record.get("net"))
        for folder in self.leftover_cgroups(record):
            cgroups.kill(folder)
            cgroups.remove(folder)
        (REGISTER / self.name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            REGISTER.rmdir()
        if (self.folder / MARK).exists():
            shutil.rmtree(self.folder, ignore_errors=True)

    def leftover_cgroups(self, record):
        homes = {name: pathlib.Path(home) for name, home in record.get("homes", {}).items()}
        if not record.get("scopes"):
            return homes.values()
        return homes[""].glob(f"{self.name}-host-*.scope")

    def end_strangers(self, net):
        """Kills what `hosts net` started and its caller left. By environment and namespace: numbers are reused."""
        mark = f"CONVOY_LAB={self.folder}".encode()
        for pid in words.pids():
            with contextlib.suppress(OSError):
                same = os.stat(f"/proc/{pid}/ns/net").st_ino == net
                if same and mark in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    os.kill(pid, signal.SIGKILL)


def claim(folder):
    """Makes a folder a lab's. Never one that holds something else: the lab's end removes it."""
    if set(str(folder)) & set(":,\\"):
        raise Trouble(f"{folder}: an overlay takes no path with a colon, a comma or a backslash in it", 64)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / MARK).exists():
        return
    if any(folder.iterdir()):
        raise Trouble(f"{folder} is neither empty nor a lab: name a folder of its own, it is removed with the lab", 64)
    (folder / MARK).write_text("{}")
    (folder / "hosts").mkdir()


def sweep():
    """Clears the labs of this machine that a killed keeper left behind."""
    for entry in REGISTER.glob("convoy-lab-*"):
        lab = Lab(os.readlink(entry))
        with contextlib.suppress(OSError), lab.locked():
            if lab.record() and alive(lab.record()["keeper"]):
                continue
        lab.clear()


def scope(name, command):
    return ["systemd-run", "--scope", "--quiet", "--collect", "--slice=system.slice", f"--unit={name}",
            "--property=Delegate=yes", "--", *command]

