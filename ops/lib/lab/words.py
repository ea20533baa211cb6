"""Words that the modules of the lab share: trouble, commands, processes, waiting."""

import os
import pathlib
import signal
import subprocess
import time

# On a build machine the caller's PATH may lead to other tools of the same names.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PYTHON = "/usr/bin/python3"
COMMAND = str(pathlib.Path(__file__).resolve().parents[2] / "lab/hosts")


class Trouble(Exception):
    """Reaches the person: what, why, what next; and the exit code."""

    def __init__(self, message, code=1):
        super().__init__(message)
        self.code = code


def environment(**more):
    return {"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8", **more}


def call(*words, check=True, **options):
    """Runs a system tool; answers its output, stripped."""
    done = subprocess.run([str(word) for word in words], env=environment(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, **options)
    if check and done.returncode != 0:
        raise Trouble(f"{words[0]} failed: {(done.stderr or done.stdout).strip()[-800:]} ({' '.join(map(str, words))})")
    return done.stdout.strip()


def born(pid):
    """When a process started, in clock ticks since boot; None when there is none, or only a zombie."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def process(pid):
    """A process by pid and birth, because a pid alone may belong to another one later."""
    return {"pid": pid, "born": born(pid)}


def alive(known):
    return bool(known) and known["born"] is not None and born(known["pid"]) == known["born"]


def signal_process(known, number):
    """Sends through a pidfd, so that it can't hit a process that got the pid meanwhile."""
    try:
        fd = os.pidfd_open(known["pid"])
    except (OSError, TypeError):
        return
    try:
        if alive(known):
            signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(fd)


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def eventually(seconds, probe, every=0.01):
    """Polls until the probe gives something true and returns it; None when the time is up."""
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        if time.monotonic() > deadline:
            return None
        time.sleep(every)
    return found


def tail(path, lines=20):
    try:
        return "\n".join(pathlib.Path(path).read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
