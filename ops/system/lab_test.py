#!/usr/bin/env python3
"""The lab of systemd hosts: their power and wires, their walls, and that nothing of a lab is left behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess

import harness
from harness import alive, check, eventually, test
from hosts import HOSTS, KNOCK, SUBNET, Lab, Traces, World, refused, run


@test("two hosts boot within a minute, and PID 1 of each is a systemd that says running")
def boot(world):
    states = [line.split()[2:] for line in world.lines]
    check(states == [["running"]] * 2, f"up printed {world.lines}")
    check(world.booted < 60, f"it took {world.booted:.1f} s")
    check(world.lab.inside("a", "readlink", "/proc/1/exe").stdout.endswith("/systemd\n"), "PID 1 is another")


@test("exec passes standard input, output and exit codes, and takes its command along when it is killed")
def execute(world):
    lab = world.lab
    done = lab.inside("a", "sh", "-c", "cat; exit 7", input="through", fails=True)
    check((done.stdout, done.returncode) == ("through", 7), f"{done.returncode} {done.stdout!r} {done.stderr!r}")
    sleeper = subprocess.Popen([HOSTS, "--lab", lab.folder, "exec", "a", "--", "sleep", "4711"])
    running = lambda: lab.inside("a", "pgrep", "-f", "^sleep 4711", fails=True).returncode == 0
    eventually(30, "the command runs in the host", running)
    sleeper.kill()
    sleeper.wait()
    eventually(30, "the command ended with the one that asked for it", lambda: not running())


@test("hosts are reached from the lab's network by name, over http, ssh with known keys, and systemctl -H")
def reached(world):
    lab = world.lab
    check("Welcome to nginx" in lab.net("curl", "-sS", "http://a/").stdout, "no nginx at a")
    check(lab.net("ssh", "b", "hostname").stdout == "b\n", "ssh b")
    check(lab.net("systemctl", "-H", "a", "is-system-running").stdout == "running\n", "systemctl -H a")
    check(lab.inside("a", "curl", "-sSo", "/dev/null", "http://b/").returncode == 0, "a does not reach b")


@test("no traffic leaves a lab: no route and no name server in it, no route and no wire to it outside")
def walls(world):
    lab = world.lab
    outside = outside_address()
    for verb in (["exec", "a"], ["net"]):
        place = lambda *command: lab.hosts(*verb, "--", *command, fails=True)
        routes = place("ip", "-4", "route").stdout
        check(routes.startswith(SUBNET + "0/24 ") and len(routes.splitlines()) == 1, f"routes: {routes}")
        check("unreachable" in place("/usr/bin/python3", "-c", KNOCK, outside, "80").stdout, f"{outside} was reached")
        check(place("getent", "hosts", "deb.debian.org").returncode != 0, "a name of the world was resolved")
    check(SUBNET not in run("ip", "route", "show", "table", "all").stdout, "this machine has a route to the lab")
    links = {link["ifname"] for link in json.loads(run("ip", "-j", "link").stdout)}
    check(not links & {"h-a", "h-b", "host0"}, f"wires of the lab outside: {links}")
    hub = {link["ifname"] for link in json.loads(lab.net("ip", "-j", "link").stdout)}
    check({"br0", "h-a", "h-b", "lo"} == hub, f"in the hub: {hub}")


def outside_address():
    """An address of this machine's own outside the lab; what can't even reach that, can't leave."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        with contextlib.suppress(OSError):
            # Only looks up the route; a datagram socket sends nothing here.
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
    return "192.0.2.1"


@test("two labs with the same names and addresses don't meet")
def two_labs(world):
    other = Lab(world.work / "other")
    other.up("a")
    try:
        other.write("a", "/var/www/html/index.html", "the other lab")
        check(other.net("curl", "-sS", "http://a/").stdout == "the other lab", "the other lab's a")
        check("Welcome" in world.lab.net("curl", "-sS", "http://a/").stdout, "the labs share a host")
    finally:
        other.hosts("down", "--all")
    check(not other.folder.exists(), "the other lab is still there")


@test("--bind-ro shows a folder of this machine in the host, for reading only")
def binds(world):
    check(world.lab.inside("a", "cat", "/opt/bound/word").stdout == "from outside", "the file is not there")
    refused(world.lab.inside("a", "touch", "/opt/bound/x", fails=True), "Read-only")


@test("a host with a failed unit is degraded, and up names the unit")
def degraded(world):
    lab = world.lab
    lab.up("c")
    lab.write("c", "/etc/systemd/system/broken.service",
              "[Service]\nExecStart=/bin/false\n[Install]\nWantedBy=multi-user.target\n")
    lab.inside("c", "systemctl", "enable", "broken")
    answer = lab.hosts("ctl", "c", "reboot").stdout.split()
    check(answer[2:] == ["degraded", "broken.service"], f"reboot said {answer}")
    check(lab.up("c")[0].split()[2:] == ["degraded", "broken.service"], "up of a host that is up")
    check(lab.inside("a", "getent", "hosts", "c").stdout.split()[0] == answer[1], "a does not know c's name")


@test("down of one host removes it and touches no other")
def down(world):
    lab = world.lab
    before = {name: row["pid"] for name, row in lab.rows().items()}
    lab.hosts("down", "c")
    check({name: row["pid"] for name, row in lab.rows().items()} == {n: before[n] for n in "ab"}, "others were touched")
    check(not (lab.folder / "hosts/c").exists() and not alive(before["c"]), "c is still there")
    check("h-c" not in lab.net("ip", "link").stdout, "its wire is still there")
    check(lab.inside("a", "getent", "hosts", "c", fails=True).returncode != 0, "a still knows c's name")


def answers(lab, host, seconds=5):
    curl = ["curl", "-sSo", "/dev/null", "--max-time", str(seconds), f"http://{host}/"]
    return lab.net(*curl, fails=True).returncode == 0


def silent(lab, host):
    return not answers(lab, host, seconds=0.5)


@test("cut takes a host off the network while it runs on, over a reboot too; heal brings it back")
def cut(world):
    lab = world.lab
    before = lab.rows()["a"]["pid"]
    lab.hosts("ctl", "a", "cut")
    check(silent(lab, "a") and answers(lab, "b"), "a answers, or b does not")
    check(lab.rows()["a"]["wired"] is False and lab.rows()["a"]["pid"] == before, f"{lab.rows()['a']}")
    lab.inside("a", "systemctl", "reboot", fails=True)
    eventually(20, "another boot", lambda: lab.rows()["a"]["pid"] not in (None, before))
    lab.up("a")
    check(silent(lab, "a"), "the reboot healed the wire")
    lab.hosts("ctl", "a", "heal")
    eventually(30, "a answers again", lambda: answers(lab, "a"))


@test("pause stops all of a host, with its connections open; resume lets it go on where it was")
def pause(world):
    lab = world.lab
    lab.hosts("ctl", "a", "pause")
    check(silent(lab, "a") and lab.rows()["a"]["state"] == "paused", "a is not paused")
    pid = lab.rows()["a"]["pid"]
    lab.hosts("ctl", "a", "resume")
    check(answers(lab, "a") and lab.rows()["a"]["pid"] == pid, "a is not what it was")


def boot_id(lab, host):
    return lab.inside(host, "cat", "/proc/sys/kernel/random/boot_id").stdout


@test("reboot, asked from outside or inside, gives another PID 1 on the same disk, with what is enabled started")
def reboot(world):
    lab, ids, pids = world.lab, set(), set()
    lab.write("a", "/etc/kept", "kept")
    for ask in (lambda: lab.hosts("ctl", "a", "reboot"), lambda: lab.inside("a", "systemctl", "reboot", fails=True)):
        ids.add(boot_id(lab, "a"))
        pids.add(before := lab.rows()["a"]["pid"])
        ask()
        eventually(20, "another PID 1", lambda: lab.rows()["a"]["pid"] not in (None, before))
        check(lab.up("a")[0].endswith(" running"), "not up")
    ids.add(boot_id(lab, "a"))
    check(len(ids) == 3 and len(pids) == 2, f"boots {ids}, pids {pids}")
    check(lab.inside("a", "cat", "/etc/kept").stdout == "kept" and answers(lab, "a"), "the disk or nginx is not back")


@test("kill is a power loss: no unit is stopped in order, the journal can be read, the disk is there at the next boot")
def kill(world):
    lab = world.lab
    lab.write("a", "/etc/systemd/system/orderly.service",
              "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
              "ExecStop=/usr/bin/touch /etc/stopped\n")
    lab.inside("a", "sh", "-c", "systemctl daemon-reload; systemctl start orderly; journalctl --sync")
    pid = lab.rows()["a"]["pid"]
    lab.hosts("ctl", "a", "kill")
    check(not alive(pid) and lab.rows()["a"]["state"] == "down" and silent(lab, "a"), "a lives")
    check("orderly" in lab.hosts("journal", "a", "-n", "50").stdout, "the dead host's journal")
    lab.up("a")
    check(lab.inside("a", "cat", "/etc/kept").stdout == "kept", "the disk is another")
    check(answers(lab, "a"), "a is up and does not answer")
    check(lab.inside("a", "ls", "/etc/stopped", fails=True).returncode != 0, "the unit was stopped")
    lab.inside("a", "systemctl", "start", "orderly")


@test("poweroff stops the units in order, and the host stays down until up")
def poweroff(world):
    lab = world.lab
    lab.hosts("ctl", "a", "poweroff")
    check(lab.rows()["a"]["state"] == "down" and (lab.folder / "hosts/a/upper/etc/stopped").exists(), "not in order")
    refused(lab.inside("a", "true", fails=True), "is not up")
    check(lab.up("a")[0].endswith(" running") and answers(lab, "a"), "a is not back")


@test("misuse is refused with the reason: a folder with other things, an unknown host, a bad name")
def misuse(world):
    lab = world.lab
    refused(Lab(world.bound).hosts("up", "a", "--owner-pid", os.getpid(), fails=True), "neither empty nor a lab")
    check((world.bound / "word").exists(), "the folder was touched")
    refused(lab.inside("nobody", "true", fails=True), "there is no host nobody")
    refused(lab.hosts("up", "A/B", "--owner-pid", "0", fails=True), "is no name for a host")
    refused(run(HOSTS, "exec", "a", "--", "true", fails=True), "which lab")


@contextlib.contextmanager
def owned_lab(world, name, mark):
    """A lab, with one host paused and a command in its network, whose owner is a shell of its own."""
    lab = Lab(world.work / name)
    script = f"{HOSTS} --lab {lab.folder} up a b --owner-pid $$ && {HOSTS} --lab {lab.folder} net -- sleep {mark}"
    owner = subprocess.Popen(["sh", "-c", f"{script}; true"], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        running = lambda: [pid for pid, words in all_commands() if words[:2] == ["sleep", mark]]
        (pids, _) = eventually(60, "the lab is up", running)
        lab.hosts("ctl", "b", "pause")
        yield lab, owner, Traces(lab, *pids)
    finally:
        owner.kill()
        owner.wait()


def all_commands():
    return [(int(name), harness.command_line(name)) for name in os.listdir("/proc") if name.isdigit()]


@test("kill -9 of the owner ends its lab, with a paused host and a running command: nothing is left")
def owner_killed(world):
    with owned_lab(world, "orphan", "4712") as (_, owner, traces):
        owner.kill()
        owner.wait()
        traces.must_vanish(30)


@test("kill -9 of the keeper too: the kernel ends the hosts, and the next lab clears the rest")
def keeper_killed(world):
    with owned_lab(world, "widowed", "4713") as (lab, owner, traces):
        os.kill(lab.record()["keeper"]["pid"], signal.SIGKILL)
        os.killpg(owner.pid, signal.SIGKILL)
        owner.wait()
        eventually(20, "no process is left", lambda: not [pid for pid in traces.pids if alive(pid)])
        world.lab.up("a")
        traces.must_vanish(10)


@test("down --all leaves nothing: no process, mount, network, cgroup or file")
def all_down(world):
    traces = Traces(world.lab)
    world.lab.hosts("down", "--all")
    check(not traces.left(), f"left behind: {traces.left()}")


if __name__ == "__main__":
    harness.run(__doc__, World)
