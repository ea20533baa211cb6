#!/usr/bin/env python3
"""Canaries and rolling updates over two hosts of the lab: under load, and with a host cut off in the middle."""

import json
import re
import subprocess
import time

import harness
from harness import check, test

harness.parts.run_under("client")

from hosts import HOSTS
from hosts_fleet import EDGE, FleetWorld, whole

SUBJECTS = [f"caller-{number}" for number in range(8)]
# Each caller at each host: a new connection for each call, and a new session every few calls.
CALLERS = EDGE + """
    import re
    told = {"calls": 0, "faults": [], "seen": []}
    def client(place):
        who, bearer, address = place
        session, left, number = None, 0, 0
        while not over.is_set():
            number += 1
            edge, began = Edge(address, bearer), time.time()
            try:
                if left == 0:
                    answer, session = initialize(edge, number)
                    version = re.search('"version":"v?([0-9.]+)"', answer.text)
                    with lock: told["seen"].append([began, time.time(), who, address, version and version[1]])
                    left = 5 if answer.status == 200 else 0
                else:
                    answer = ask(edge, number, "tools/list", session)
                    left = 0 if answer.status == 404 else left - 1
                with lock:
                    told["calls"] += 1
                    if answer.status not in (200, 404): told["faults"].append([began, who, address, answer.status])
            except Exception as error:
                with lock: told["faults"].append([began, who, address, repr(error)])
            edge.close()
            time.sleep(random.uniform(0.05, 0.2))
    bearers = enumerate(token.split(","))
    run(client, [(who, bearer, address) for who, bearer in bearers for address in addresses], told)
    """


class TwoHosts(FleetWorld):
    def __init__(self, stack):
        super().__init__(stack, ("a", "b"))

    def rolls_by(self, strategy):
        text = re.sub(r"rollout: \{.*bake: 1s", f"rollout: {{{strategy}, bake: 1s", self.fleet.read_text())
        self.fleet.write_text(text)

    def callers(self):
        return self.load(CALLERS, ",".join(map(self.issue, SUBJECTS)))

    def parts(self, host):
        return {share["generation"]: share["part"] for share in self.of(host)["trafficShare"]}

    def rollout(self, version, see):
        """Shows each event to `see`. What it says when it has ended well."""
        words = self.words("rollout", "--to", version, "--accept-breaking", "--events")
        operator = subprocess.Popen([str(word) for word in [HOSTS, "--lab", self.lab.folder, "net", "--", *words]],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            for line in operator.stdout:
                event = json.loads(line)
                see(event["step"], event["mark"])
            said = operator.communicate(timeout=120)[1]
        finally:
            operator.kill()
            operator.wait()
        check(operator.returncode == 0, f"exit {operator.returncode}: {said[-1500:]}")
        return said


def spared(clients):
    told = json.loads(clients.communicate("", timeout=60)[0])
    check(told["calls"] > 200 and not told["faults"], f"{told['calls']} calls, failed: {told['faults'][:5]}")
    return told


@test("a canary has the same part of the callers on each host, then all flip; no call fails")
def canary(world):
    world.rolls_by("strategy: canary, canary: {share: 50%, for: 8s}")
    world.report(world.fleet)
    before = whole(world, "1.6.3")
    seen = {}

    def see(step, mark):
        seen[step, mark] = time.time()
        if (step, mark) == ("watch", "intent"):
            for host in world.names:
                parts = world.parts(host)
                check(sorted(parts.values()) == [0.5, 0.5] and len(parts) == 2, f"{host}: {parts}")

    clients = world.callers()
    time.sleep(1)
    world.rollout("2.0.0", see)
    time.sleep(1)
    told = spared(clients)
    check(whole(world, "2.0.0") > before, "the same generation serves")
    met = {}
    for began, ended, who, address, version in told["seen"]:
        if seen["watch", "intent"] < began and ended < seen["watch", "done"]:
            met.setdefault(who, {}).setdefault(address, set()).add(version)
    sides = {who: set.union(*places.values()) for who, places in met.items()}
    check(all(len(side) == 1 for side in sides.values()), f"a caller met both: {met}")
    check(len(met) == len(SUBJECTS) and all(len(places) == 2 for places in met.values()), f"not all were seen: {met}")
    check(set.union(*sides.values()) == {"1.6.3", "2.0.0"}, f"no two sides: {sides}")
    print(f"      0 of {told['calls']} calls failed; {sum(side == {'2.0.0'} for side in sides.values())} of "
          f"{len(SUBJECTS)} callers met the canary, each of them on both hosts")


@test("a host that is cut off while the canary serves ends its share by itself, and the rollout is undone")
def cut_in_share(world):
    before = world.status()["generation"]
    world.rolls_by("strategy: canary, canary: {share: 50%, for: 60s}")
    began = time.monotonic()
    code, said = world.cut_at("watch", "b", "rollout", "--to", "2.1.1", "--accept-breaking")
    took = time.monotonic() - began
    check(code == 1, f"exit {code}: {said[-800:]}")
    for host in world.names:
        check(world.parts(host) == {before: 1}, f"{host}: {world.parts(host)}: {said[-800:]}")
    log = world.lab.inside("b", "journalctl", "--no-pager", "-u", "convoy-supervisor").stdout
    check("was on trial, and nobody says that it holds" in log, f"not by itself: {log[-800:]}")
    world.lab.hosts("ctl", "b", "heal")
    world.convoy("resume")
    check(whole(world, "2.0.0") == before, "another generation serves")
    print(f"      undone after {took:.0f} s")


@test("a rolling update over hosts: on each two of three are fit throughout, and no call fails")
def rolling(world):
    world.rolls_by("strategy: rolling")
    rows = []

    def see(step, mark):
        if step.startswith(("retire", "share")) or (step, mark) == ("flip", "intent"):
            for host in world.names:
                instances = world.of(host)["instances"]
                rows.append((f"{step} {mark} {host}", len(instances), sum(row["ready"] for row in instances)))

    clients = world.callers()
    time.sleep(1)
    began = time.monotonic()
    world.rollout("2.1.1", see)
    took = time.monotonic() - began
    time.sleep(1)
    told = spared(clients)
    whole(world, "2.1.1")
    check("share.2 done a" in [row[0] for row in rows], f"no second part: {rows}")
    check(min(row[2] for row in rows) >= 2, f"fewer than two fit: {rows}")
    check(max(row[1] for row in rows) <= 4, f"more than four at once: {rows}")
    print(f"      {took:.1f} s; 0 of {told['calls']} calls failed")


@test("a host that is cut off in the middle of a rolling update serves by what is left of the old, until it is mended")
def cut_in_part(world):
    before = world.status()["generation"]
    began = time.monotonic()
    code, said = world.cut_at("share.1", "b", "rollout", "--to", "2.0.0", "--accept-breaking", mark="done")
    took = time.monotonic() - began
    check(code == 1, f"exit {code}: {said[-800:]}")
    for host in world.names:
        check(world.parts(host) == {before: 1}, f"{host}: {world.parts(host)}: {said[-800:]}")
    left = [row["name"] for row in world.of("b")["instances"] if row["ready"] and row["generation"] == before]
    check(len(left) >= 2, f"{left} are left of the old")
    world.lab.hosts("ctl", "b", "heal")
    began = time.monotonic()
    world.convoy("resume")
    check(whole(world, "2.1.1") == before, "another generation serves")
    print(f"      undone after {took:.0f} s; mended after {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    harness.run(__doc__, TwoHosts)
