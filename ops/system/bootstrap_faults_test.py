#!/usr/bin/env python3
"""Faults in the middle of `convoy bootstrap`, each on a bare host of its own: power that goes, wires that are cut,
operators that are killed; and ways to a host that are not straight, and hosts where others serve."""

import json
import os
import pathlib
import signal
import time

import harness
from harness import check, eventually, test

harness.parts.run_under("client")

from ssh_fleet import BootstrapWorld, kill, until, untouched

# An administrator's nginx as Debian starts it, with a site of its own.
SITE = """\
    server { listen 80; location / { return 200 "own site"; } }
    """


class FaultsWorld(BootstrapWorld):
    def __init__(self, stack):
        super().__init__(stack, ("jump", "far", "dark", "wire", "site"))

    def converges(self, host, spec):
        self.report(spec)
        self.must_serve(host)
        again = self.report(spec)
        check([row["state"] for row in again] == ["unchanged"], f"not converged: {again}")
        number = json.loads(self.lab.inside(host, "convoy", "status", "--json").stdout)["generation"]
        check(number == 1, f"the fleet was brought up more than once: generation {number}")


@test("a host that is only reached by a jump host is bootstrapped as `ssh` reaches it, under the name that ssh knows")
def jump(world):
    lab, rows = world.lab, world.lab.rows()
    # Nobody but the jump host gets in.
    lab.inside("far", "nft", "add table inet moat; add chain inet moat input { type filter hook input priority 0; }; "
               f"add rule inet moat input ip saddr != {rows['jump']['ip']} tcp dport 22 drop")
    spec = world.spec("jump", "far")
    text = spec.read_text()
    check("root@far" in text, text)
    rows_of = world.report(spec, code=69)
    check("cannot reach far" in rows_of[0]["faults"][0]["what"], f"reached without the jump host: {rows_of}")
    spec.write_text(text.replace("root@far", "inner"))
    config = world.ssh_config("jump", "Host inner", f"HostName {rows['far']['ip']}", "User root", "ProxyJump jump",
                              "HostKeyAlias far", "Host *")
    check(world.report(spec, config=config)[0]["state"] == "changed", "not bootstrapped")
    world.must_serve("far")
    check(world.report(spec, config=config)[0]["state"] == "unchanged", "not converged")


@test("a host whose power goes in the middle, twice, is made whole by another run")
def power(world):
    spec = world.spec("dark", "dark")
    cuts = []
    for mark in ("installing", "bring the fleet"):
        operator = world.operator(spec)
        check(until(operator, mark), f"it never came to {mark}")
        time.sleep(0.7)
        world.lab.hosts("ctl", "dark", "kill")
        if mark == "installing":
            # Nobody waits for it: the operator says that it lost the host.
            told, said = operator.communicate(timeout=120)
            saw = f"{operator.returncode}: {told}{said}"
            check(operator.returncode == 69 and "dark" in told and "next" in told, saw)
        else:
            kill(operator)
        world.lab.up("dark")
        cuts.append(mark)
    rows = world.report(spec)
    check(rows[0]["state"] in ("changed", "unchanged"), f"{rows}")
    world.must_serve("dark")
    again = world.report(spec)
    check(again[0]["state"] == "unchanged", f"not converged: {again}")


@test("a wire that is cut at each step, for longer than a connection lives, is waited for: one run comes through")
def wire(world):
    spec = world.spec("wire", "wire")
    operator = world.operator(spec)
    cuts = []
    for mark in ("installing", "verifying", "firewall rules"):
        check(until(operator, mark), f"it ended before {mark}; cut at {cuts}")
        world.lab.hosts("ctl", "wire", "cut")
        check(until(operator, "lost the connection", "cannot reach"), f"it never noticed the cut at {mark}")
        world.lab.hosts("ctl", "wire", "heal")
        cuts.append(mark)
    told, said = operator.communicate(timeout=240)
    check(operator.returncode == 0, f"exit {operator.returncode}: {told[-800:]}{said[-800:]}")
    world.converges("wire", spec)


def leftovers():
    folders = [path for path in pathlib.Path("/tmp").glob("convoy-??????") if (path / ".owner").exists()]
    masters = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if any(str(folder).encode() in words for folder in folders):
            masters.append(process.name)
    return folders, masters


@test("an operator that is killed leaves no connection for long, and its folder only until the next run")
def swept(world):
    spec = world.spec("swept", "dark")
    before = set(leftovers()[0])
    operator = world.operator(spec)
    check(until(operator, "looking at"), "it ended too soon")
    kill(operator)
    mine = set(leftovers()[0]) - before
    check(len(mine) == 1, f"there is no folder to be swept: {mine}")
    _, took = eventually(30, "no connection is left", lambda: not leftovers()[1], every=0.2)
    world.report(spec, "--dry-run")
    check(not any(folder.exists() for folder in mine), "the next run did not sweep it")
    # Another that runs is left alone; it is held, so that it surely does.
    other = world.operator(spec)
    check(until(other, "packing"), "it ended too soon")
    other.send_signal(signal.SIGSTOP)
    living = set(leftovers()[0]) - before
    world.report(spec, "--dry-run")
    check(len(living) == 1 and all(folder.exists() for folder in living), f"the living one's was swept: {living}")
    other.send_signal(signal.SIGCONT)
    told, said = other.communicate(timeout=60)
    check(other.returncode == 0, f"{told}{said}")
    print(f"      the last connection was gone after {took:.1f} s")


@test("where nginx serves others, a dedicated edge is refused with what to do, and the others go on")
def other_nginx(world):
    lab = world.lab
    lab.inside("site", "rm", "-f", "/etc/nginx/sites-enabled/default")
    lab.write("site", "/etc/nginx/conf.d/own.conf", SITE)
    lab.inside("site", "systemctl", "enable", "--now", "nginx")
    own = lambda: lab.net("curl", "-sS", "--max-time", "5", "http://site/", fails=True).stdout
    check(own() == "own site", "the site does not serve")
    with untouched(world, "site"):
        rows = world.report(world.spec("dedicated", "site"), code=1)
    faults = [fault for fault in rows[0]["faults"] if "another nginx runs" in fault["why"]]
    check(rows[0]["state"] == "refused" and faults and "edge.mode: include" in faults[0]["next"], f"{rows}")
    check(own() == "own site", "the site is gone")


if __name__ == "__main__":
    harness.run(__doc__, FaultsWorld if os.environ.get("CONVOY_BIN") else None)
