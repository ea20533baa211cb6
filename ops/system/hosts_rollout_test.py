#!/usr/bin/env python3
"""One fleet over three hosts of the lab: its rollouts under load, and with a host cut off at any of their steps."""

import json
import signal
import subprocess
import time

import harness
from harness import check, eventually, test

harness.parts.run_under("client")

from hosts import HOSTS
from hosts_fleet import NAMES, FleetWorld, whole


@test("three bare hosts become one fleet: every instance with its host's name, and each edge serves")
def bootstrap(world):
    began = time.monotonic()
    rows = world.report(world.fleet)
    took = time.monotonic() - began
    check({row["state"] for row in rows} == {"changed"}, f"{rows}")
    whole(world, "1.6.3")
    names = {row["name"] for row in world.status()["instances"]}
    check("analytics-b-2-g1" in names, f"{names}")
    text = world.convoy("status").stdout
    check("HOST" in text and all(len(line) <= 80 for line in text.splitlines()), text)
    for host in NAMES:
        check("instance_ports" in world.lab.inside(host, "nft", "list", "table", "inet", "convoy").stdout, "no firewall")
    check([row["state"] for row in world.report(world.fleet)] == ["unchanged"] * 3, "not converged")
    print(f"      {took:.1f} s for three bare hosts")


@test("a rollout under load: no call fails, all flip within a second, one version everywhere")
def under_load(world):
    clients = world.load()
    time.sleep(2)
    began = time.monotonic()
    world.convoy("rollout", "--to", "2.0.0", "--accept-breaking")
    took = time.monotonic() - began
    time.sleep(2)
    told = json.loads(clients.communicate("", timeout=60)[0])
    generation = whole(world, "2.0.0")
    times = world.flips(generation)
    spread = max(times) - min(times)
    check(told["calls"] > 300 and not told["faults"], f"{told['calls']} calls, failed: {told['faults'][:5]}")
    check(spread < 1, f"they flipped within {spread:.2f} s")
    print(f"      {took:.1f} s; flips within {spread * 1000:.0f} ms; 0 of {told['calls']} calls failed, "
          f"{told['sessions']} sessions")


def settled(world, host, version, before):
    """The wire is there again, and everything comes to one end."""
    world.lab.hosts("ctl", host, "heal")
    eventually(60, "the host answers", lambda: all(row["answers"] for row in world.status()["hosts"]), every=1)


@test("a host that is cut off before the decision: all hosts stay with, or go back to, what they had")
def cut_before(world):
    before = world.status()["generation"]
    for step in ("stage", "verify", "flip", "soak"):
        began = time.monotonic()
        code, said = world.cut_at(step, "c", "rollout", "--to", "2.1.1", "--accept-breaking")
        took = time.monotonic() - began
        check(code == 1, f"{step}: exit {code}: {said[-800:]}")
        for host in NAMES:
            check(world.serving(host) in (before, None), f"{step}: {host} serves {world.serving(host)}: {said[-800:]}")
        for host in ("a", "b"):
            check(world.serving(host) == before, f"{step}: {host} serves {world.serving(host)}, not {before}")
        rows = {row["name"]: row for row in world.status()["hosts"]}
        check(not rows["c"]["answers"] and rows["c"]["silentSeconds"] is not None, f"{rows}")
        settled(world, "c", "2.0.0", before)
        world.convoy("resume")
        check(whole(world, "2.0.0") == before, f"{step}: another generation serves")
        print(f"      cut at {step}: undone after {took:.0f} s")


@test("a host that is cut off after it: the others have the new version, and it serves no old one")
def cut_after(world):
    before = world.status()["generation"]
    code, said = world.cut_at("drain", "c", "rollout", "--to", "2.1.1", "--accept-breaking")
    check(code == 1, f"exit {code}: {said[-800:]}")
    after = world.serving("a")
    check(after != before and world.serving("b") == after, f"{world.serving('a')}, {world.serving('b')}")
    eventually(20, "the host that was cut off serves no old version", lambda: world.serving("c") in (after, None))
    settled(world, "c", "2.1.1", before)
    world.convoy("resume")
    check(whole(world, "2.1.1") == after, "another generation serves")


@test("an operator who dies while the next version is on trial: all hosts go back; another one goes on")
def operator_dies(world):
    before = world.status()["generation"]
    text = world.fleet.read_text()
    world.fleet.write_text(text.replace("bake: 1s", "bake: 60s"))
    words = [str(word) for word in [HOSTS, "--lab", world.lab.folder, "net", "--", *world.words(
        "rollout", "--to", "2.0.0", "--accept-breaking", "--events")]]
    operator = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in operator.stdout:
        if json.loads(line)["step"] == "soak":
            break
    check(all(world.serving(host) > before for host in NAMES), "not on trial")
    operator.send_signal(signal.SIGKILL)
    operator.wait()
    operator.stdout.close()
    eventually(30, "all hosts are back", lambda: {world.serving(host) for host in NAMES} == {before}, every=0.5)
    world.convoy("resume")
    check(whole(world, "2.0.0") > before, "the same generation serves")


if __name__ == "__main__":
    harness.run(__doc__, FleetWorld)
