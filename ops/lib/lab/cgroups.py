"""The cgroups that hold a lab's hosts, under unified cgroups as under the older layouts.

Where PID 1 of the machine is systemd with unified cgroups, the tree is systemd's, and each host gets a
delegated scope from it. Elsewhere each host gets a folder below the caller's own in every hierarchy.
A host's unified folder D has the leaves D/supply (its power supply) and D/host (nspawn and below it the
host's own tree): processes may only sit in leaves, or D could not hand its controllers down.
"""

import os
import pathlib
import time

ROOT = pathlib.Path("/sys/fs/cgroup")
# v1 cpuset wants settings before it takes a process, and systemd 252 never uses it on v1.
UNUSED = {"cpuset"}


def unified_mount():
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return pathlib.Path(place)
    return None


def scopes():
    """Whether the machine's own systemd owns the tree."""
    return pathlib.Path("/run/systemd/system").is_dir() and unified_mount() == ROOT


def homes(lab):
    """{hierarchy: folder} below which the lab's hosts get theirs; the unified hierarchy is called ''."""
    if scopes():
        return {"": str(ROOT / "system.slice")}
    found = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, names, own = line.split(":", 2)
        mount = unified_mount() if not names else ROOT / names.removeprefix("name=")
        if names not in UNUSED and mount and mount.is_dir():
            found[names] = f"{mount}{own.rstrip('/')}/{lab}"
    return found


def controllers(homes):
    """The v1 controllers, which a host's PID 1 must find writable."""
    return [names for names in homes if names and not names.startswith("name=")]


def join(folder):
    # "0" is the writer itself, in whichever pid namespace it runs.
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.procs").write_text("0")


def hand_down(folder):
    """Lets the folder's children use every controller that it has itself."""
    for name in (folder / "cgroup.controllers").read_text().split():
        try:
            (folder / "cgroup.subtree_control").write_text(f"+{name}")
        except OSError:
            # Held by a v1 hierarchy, or the folder above has processes of its own.
            pass


def populated(folder):
    try:
        return "populated 1" in (folder / "cgroup.events").read_text()
    except OSError:
        return False


def members(folder):
    try:
        return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def kill(folder):
    """Ends every process below, also frozen ones, and returns when they are gone."""
    try:
        (folder / "cgroup.kill").write_text("1")
    except OSError:
        return
    deadline = time.monotonic() + 10
    while populated(folder) and time.monotonic() < deadline:
        time.sleep(0.005)


def freeze(folder, wanted):
    (folder / "cgroup.freeze").write_text("1" if wanted else "0")
    deadline = time.monotonic() + 10
    while frozen(folder) != wanted and time.monotonic() < deadline:
        time.sleep(0.002)


def frozen(folder):
    try:
        return "frozen 1" in (folder / "cgroup.events").read_text()
    except OSError:
        return False


def remove(folder):
    """Removes a tree without processes. The kernel may need a moment to forget the last ones."""
    for _ in range(100):
        for place, _, _ in os.walk(folder, topdown=False):
            try:
                os.rmdir(place)
            except OSError:
                pass
        if not folder.exists():
            return
        time.sleep(0.02)
