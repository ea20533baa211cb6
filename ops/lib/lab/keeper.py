"""The keeper of a lab, and the process that holds its namespaces.

owner ... keeper -> unshare -> holder (PID 1 of the lab's own pid namespace, in its own network and mounts)

Every power supply of a host runs inside the holder's pid namespace, so the death of any of the three ends
them all: the kernel kills what is in the namespace, and mounts and networks go with the last process. The
keeper then removes what does not vanish by itself: cgroups and files.
"""

import json
import os
import pathlib
import select
import signal
import subprocess
import sys

from lab import cgroups, words
from lab.lab import HUB, MARK, REGISTER, Lab


def keep(folder, owner):
    """Runs until the owner (a process, or None) is gone, the holder died, or TERM."""
    lab, owner = Lab(folder), json.loads(owner)
    woken, wake = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(wake, b"."))
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    # Before anything that would have to be removed.
    homes = cgroups.homes(lab.name)
    REGISTER.mkdir(exist_ok=True)
    (REGISTER / lab.name).unlink(missing_ok=True)
    (REGISTER / lab.name).symlink_to(lab.folder)
    try:
        outer = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child",
             "--propagation", "slave", "--mount-proc", words.PYTHON, words.COMMAND, "holder"],
            env=words.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        if outer.stdout.readline() != b"ready\n":
            raise words.Trouble("the holder did not start")
        record(lab, child_of(outer.pid), homes)
        os.write(1, b"ready\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        wait_for_the_end([woken, os.pidfd_open(outer.pid)], owner)
    finally:
        lab.clear()


def record(lab, holder, homes):
    # Kept open: the number of a network namespace is given out again once it is gone.
    net = os.open(f"/proc/{holder}/ns/net", os.O_RDONLY)
    facts = {"keeper": words.process(os.getpid()), "holder": words.process(holder), "net": os.fstat(net).st_ino,
             "homes": homes, "scopes": cgroups.scopes()}
    new = lab.folder / "lab.new"
    new.write_text(json.dumps(facts))
    new.rename(lab.folder / MARK)


def child_of(parent):
    for pid in words.pids():
        try:
            if int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[1]) == parent:
                return pid
        except OSError:
            continue
    raise words.Trouble(f"process {parent} has no child")


def wait_for_the_end(descriptors, owner):
    if owner:
        try:
            descriptors.append(os.pidfd_open(owner["pid"]))
        except ProcessLookupError:
            return
        if not words.alive(owner):
            return
    select.select(descriptors, [], [])


def hold():
    """PID 1 of the lab: makes the network that all hosts hang on, then reaps."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    words.call("ip", "link", "set", "lo", "up")
    words.call("ip", "link", "add", "br0", "type", "bridge")
    words.call("ip", "addr", "add", f"{HUB}/24", "dev", "br0")
    words.call("ip", "link", "set", "br0", "up")
    # Locks and sockets of nspawn go by the host's name; two labs may use the same names.
    os.makedirs("/run/systemd/nspawn", exist_ok=True)
    words.call("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run/systemd/nspawn")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        try:
            os.wait()
        except ChildProcessError:
            signal.sigwait({signal.SIGCHLD})
