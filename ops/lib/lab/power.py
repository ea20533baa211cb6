"""The power supply of one host: a process that boots it, boots it again after a reboot, and ends with it."""

import json
import os
import pathlib
import subprocess
import sys

from lab import cgroups, words
from lab.host import Host
from lab.lab import Lab
from lab.words import call

# What nspawn --keep-unit answers when its host asked for a reboot.
REBOOT = 133


def power(folder, name):
    """Outside: takes its place among the cgroups, then goes on inside the lab's namespaces."""
    lab = Lab(folder)
    host = Host(lab, name)
    places = host.cgroups()
    for place in places.values():
        if not lab.record()["scopes"]:
            cgroups.remove(place)
            place.mkdir(parents=True)
    for hierarchy, place in places.items():
        cgroups.join(place if hierarchy else place / "supply")
    cgroups.hand_down(host.cgroup)
    (host.folder / "power").touch()
    # A mount namespace of its own: the host's mounts and its network's file go with the last process in it.
    os.execvp("nsenter", ["nsenter", "--target", str(lab.holder()), "--mount", "--net", "--pid",
                          "unshare", "--mount", "--propagation", "slave",
                          words.PYTHON, words.COMMAND, "supply", folder, name])


def supply(folder, name):
    """Inside: in the hub's network and in the lab's pid namespace."""
    host = Host(Lab(folder), name)
    lower, disk = (host.folder / "image").read_text(), host.folder
    call("mount", "-t", "overlay", "overlay", "-o",
         f"lowerdir={lower},upperdir={disk}/upper,workdir={disk}/work", disk / "root")
    code = REBOOT
    while code == REBOOT:
        plug_in(host)
        code = boot(host)
        call("umount", host.folder / "net")
    print(f"power: {name} ended with {code}", flush=True)


def plug_in(host):
    """A new network and a new wire for each boot: a dead host's network could go on answering.

    The hardware address stays, as a machine's does: the others remember it for longer than a boot takes.
    """
    number = int(host.ip.rpartition(".")[2])
    call("ip", "link", "del", host.wire, check=False)
    net = host.folder / "net"
    net.touch()
    call("unshare", f"--net={net}", "ip", "link", "set", "lo", "up")
    call("ip", "link", "add", host.wire, "type", "veth", "peer", "name", "host0",
         "address", f"02:00:0a:4d:00:{number:02x}", "netns", net)
    call("nsenter", f"--net={net}", "ip", "addr", "add", f"{host.ip}/24", "dev", "host0")
    call("nsenter", f"--net={net}", "ip", "link", "set", "host0", "up")
    call("ip", "link", "set", host.wire, "master", "br0", "down" if host.cut_mark.exists() else "up")


def boot(host):
    """Runs the host until it is off; answers nspawn's exit code."""
    place = host.cgroup / "host"
    cgroups.remove(place)
    # systemd must find the v1 controllers writable. Not the legacy layout as a whole: IPAddressDeny needs
    # unified cgroups. `bpf` is the call by which systemd loads the filters for IPAddressDeny; where it is
    # refused, systemd goes on without a word, and nothing is filtered.
    writable = " ".join(cgroups.controllers(host.cgroups()))
    init = (f"for name in {writable}; do mount -o remount,bind,rw /sys/fs/cgroup/$name; done; "
            "exec /lib/systemd/systemd")
    binds = pathlib.Path(host.folder / "binds")
    nspawn = subprocess.Popen(
        ["systemd-nspawn", "--quiet", f"--directory={host.folder}/root", f"--machine={host.name}", "--register=no",
         "--keep-unit", f"--network-namespace-path={host.folder}/net", "--resolv-conf=off", "--timezone=off",
         "--link-journal=no", "--capability=CAP_NET_ADMIN", "--system-call-filter=bpf",
         "--kill-signal=SIGRTMIN+3", "--console=pipe",
         *(json.loads(binds.read_text()) if binds.exists() else []), "/bin/sh", "-c", init],
        env=words.environment(SYSTEMD_NSPAWN_API_VFS_WRITABLE="network"), stdin=subprocess.DEVNULL,
        preexec_fn=lambda: cgroups.join(place))
    code = nspawn.wait()
    sys.stdout.flush()
    return code
