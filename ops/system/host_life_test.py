#!/usr/bin/env python3
"""One fleet over three hosts of the lab: a host is drained and rebooted, goes away and comes back, and is removed."""

import json
import time

import harness
from harness import check, eventually, test

harness.parts.run_under("client")

from hosts import run
from hosts_fleet import EDGE, NAMES, FleetWorld, whole

# Clients that go to the next host when one answers 503, as whatever balances does.
ROAMING = EDGE + """
    told = {"calls": {}, "moves": 0, "faults": []}
    def client(start):
        place, session, is_open, number, edge = start, None, False, 0, None
        while not over.is_set():
            number += 1
            address = addresses[place % len(addresses)]
            try:
                edge = edge or Edge(address)
                if not is_open:
                    answer, session = initialize(edge, number)
                    is_open = answer.status == 200
                else:
                    answer = ask(edge, number, "tools/list", session)
                    if answer.status == 200:
                        with lock: told["calls"][address] = told["calls"].get(address, 0) + 1
                if answer.status == 404: is_open = False
                elif answer.status == 503 and answer.getheader("Retry-After"):
                    with lock: told["moves"] += 1
                    edge.close()
                    place, is_open, edge = place + 1, False, None
                elif answer.status != 200:
                    with lock: told["faults"].append([time.time(), address, answer.status])
            except Exception as error:
                with lock: told["faults"].append([time.time(), address, repr(error)])
                if edge: edge.close()
                edge = None
            time.sleep(random.uniform(0.02, 0.08))
    run(client, range(9), told)
    """


class World(FleetWorld):
    def roam(self):
        return self.load(ROAMING)

    def change(self, *words):
        text = self.convoy(*words, "--json").stdout
        done = run(harness.parts.python("lint"), harness.OPS / "schemas/validate.py", "host", input=text, fails=True)
        check(done.returncode == 0, f"{words}: the answer does not fit its schema: {done.both}")
        return json.loads(text)

    def doors(self):
        return {row["name"]: row["door"] for row in self.status()["hosts"]}

    def must_refuse(self, host):
        saw = self.call(host)
        check(saw[:2] == [503, 503], f"{host} serves: {saw}")


@test("three bare hosts become one fleet")
def bootstrap(world):
    world.report(world.fleet)
    whole(world, "1.6.3")


@test("a host is drained under load: no call fails where clients go on to another, and nobody is served there")
def drain(world):
    clients = world.roam()
    time.sleep(2)
    began = time.monotonic()
    change = world.change("drain", "c", "--deadline", "5s")
    took = time.monotonic() - began
    check(change["door"] == "drained" and change["changed"] and change["drained"] is not None, f"{change}")
    world.must_refuse("c")
    time.sleep(2)
    told = json.loads(clients.communicate("", timeout=60)[0])
    calls = sum(told["calls"].values())
    check(calls > 100 and told["moves"] > 0 and not told["faults"], f"{calls} calls, failed: {told['faults'][:5]}")
    status = world.status()
    check(status["converged"] and world.doors() == {"a": "open", "b": "open", "c": "drained"}, f"{status['hosts']}")
    text = world.convoy("status").stdout
    check("host c  drained" in text and all(len(line) <= 80 for line in text.splitlines()), text)
    print(f"      {took:.1f} s; 0 of {calls} calls failed, {told['moves']} times to another host; "
          f"{change['drained']['sessions']} sessions, {change['drained']['cut']} cut")


@test("it serves nobody after a reboot either; its instances are there; uncordoned, it serves everybody")
def reboot(world):
    world.lab.hosts("ctl", "c", "reboot")
    eventually(60, "it is there", lambda: all(row["answers"] for row in world.status()["hosts"]), every=1)
    eventually(60, "it is whole", lambda: world.status()["converged"], every=1)
    world.must_refuse("c")
    check(world.doors()["c"] == "drained", f"{world.doors()}")
    check(world.change("uncordon", "c")["door"] == "open", "not open")
    whole(world, "1.6.3")


@test("the last host that takes sessions is cordoned by force only")
def last(world):
    for host in ("a", "b"):
        world.change("cordon", host)
    refusal = world.convoy("cordon", "c", code=1).stderr
    check("no other host takes new sessions" in refusal, refusal)
    world.must_serve("c")
    for host in ("a", "b"):
        world.change("uncordon", host)
    whole(world, "1.6.3")


@test("a host that answers is not skipped")
def answers(world):
    refusal = world.convoy("rollout", "--to", "2.0.0", "--accept-breaking", "--skip-host", "c", code=1).stderr
    check("it answers" in refusal and "convoy drain c" in refusal, refusal)
    whole(world, "1.6.3")


@test("a host that is off is left behind; on again, whoever looks shuts it; `up` brings it back")
def behind(world):
    before = world.status()["generation"]
    world.lab.hosts("ctl", "c", "kill")
    world.convoy("rollout", "--to", "2.0.0", "--accept-breaking", code=69)
    world.convoy("rollout", "--to", "2.0.0", "--accept-breaking", "--skip-host", "c")
    status = world.status()
    check(not status["converged"] and world.doors()["c"] == "behind", f"{status['hosts']}")
    check(f"since generation {before}" in world.convoy("plan", code=2).stdout, "plan does not tell")
    check(world.convoy("up", code=69).stderr, "up says nothing")
    binds = [word for here, there in world.libraries.items() for word in ("--bind-ro", f"{here}:{there}")]
    world.lab.up("c", *binds)
    eventually(60, "it answers", lambda: {row["name"]: row["answers"] for row in world.status()["hosts"]}["c"], every=1)
    world.must_refuse("c")
    check(world.serving("c") is None, "it serves")
    began = time.monotonic()
    world.convoy("up")
    after = whole(world, "2.0.0")
    check(after > before, f"generation {after}")
    check(world.convoy("up").stdout.count("nothing to do") == 1, "not converged")
    print(f"      brought back in {time.monotonic() - began:.1f} s")


@test("new hardware under a lost host's name: its key is refused until somebody accepts it, and then one verb puts it in place")
def renewed(world):
    before, lab = world.status(), world.lab
    pids = {row["name"]: row["pid"] for row in before["instances"] if row["host"] != "c"}
    known = world.work / "known-before"
    known.write_text((lab.folder / "ssh/known_hosts").read_text())
    address = lab.rows()["c"]["ip"]
    lab.hosts("down", "c")
    world.add("c")
    check(lab.rows()["c"]["ip"] == address, "the lab gave it another address")
    wary = world.ssh_config("wary", f"UserKnownHostsFile {known}")
    words = ["--package", world.package]
    done = world.convoy("replace", "c", *words, "--ssh-config", wary, code=69)
    check("another host key" in done.both, done.both)
    check(known.read_text() != (lab.folder / "ssh/known_hosts").read_text(), "it has the same key")
    check({row["name"] for row in world.status()["hosts"]} == set(NAMES), "it is forgotten already")
    # Accepted: what the lab's own file says. That it is another machine nobody but a person can say.
    done = world.bootstrap(world.fleet, code=1)
    check("convoy replace c" in done.both, done.both)
    began = time.monotonic()
    world.convoy("replace", "c", *words, "--ssh-config", world.config, seconds=480)
    took = time.monotonic() - began
    check(whole(world, before["release"]["version"]) == before["generation"], "it took a new generation")
    after = {row["name"]: row["pid"] for row in world.status()["instances"] if row["host"] != "c"}
    check(pids == after, "instances of other hosts were touched")
    check("nothing to do" in world.convoy("up").stdout, "not converged")
    done = world.convoy("replace", "c", *words, code=1)
    check("it answers" in done.both, done.both)
    print(f"      in place after {took:.1f} s")


@test("a host that is gone for good is removed: the fleet without it is whole")
def remove(world):
    world.lab.hosts("ctl", "c", "kill")
    text = world.convoy("remove", "c", "--gone", "--json").stdout
    done = run(harness.parts.python("lint"), harness.OPS / "schemas/validate.py", "host-removal", input=text, fails=True)
    check(done.returncode == 0, f"the answer does not fit its schema: {done.both}")
    lines = world.fleet.read_text().splitlines(keepends=True)
    world.fleet.write_text("".join(line for line in lines if not line.startswith("  c: {address")))
    check("nothing to do" in world.convoy("plan").stdout, "plan finds something to do")
    status = world.status()
    check(status["converged"] and [row["name"] for row in status["hosts"]] == ["a", "b"], f"{status['hosts']}")
    for host in ("a", "b"):
        world.must_serve(host)


@test("a host is replaced by a new one, which one bootstrap makes one of the fleet")
def replace(world):
    world.lab.hosts("down", "c")
    world.add("c")
    row = world.lab.rows()["c"]
    text = world.fleet.read_text()
    line = f"  c: {{address: {row['ip']}, ssh: root@c}}\n"
    world.fleet.write_text(text.replace("edge:\n", line + "edge:\n", 1))
    version = world.status()["release"]["version"]
    pids = {row["name"]: row["pid"] for row in world.status()["instances"] if row["host"] == "a"}
    world.report(world.fleet)
    whole(world, version)
    after = {row["name"]: row["pid"] for row in world.status()["instances"] if row["host"] == "a"}
    check(pids == after, "instances of other hosts were touched")


@test("a host is removed while it is there: drained, and with nothing of the fleet left on it")
def leave(world):
    world.convoy("remove", "c", "--deadline", "2s")
    left = world.lab.inside("c", "sh", "-c", "ls /var/lib/convoy /etc/convoy 2>/dev/null; pgrep -x mcp-grafana; pgrep -x nginx", fails=True)
    check(not left.stdout.strip(), f"left on the host: {left.stdout}")


@test("the last but one goes, too, once fleet.yaml says who drives the last; it is rolled from here, and gets company again")
def alone(world):
    text = world.fleet.read_text()
    two = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("  c: {address"))
    world.fleet.write_text(two)
    done = world.convoy("remove", "b", "--deadline", "2s", code=1)
    check("`operator: remote`" in done.both, done.both)
    world.fleet.write_text(two.replace("edge:\n", "operator: remote\nedge:\n", 1))
    pids = {row["name"]: row["pid"] for row in world.status()["instances"] if row["host"] == "a"}
    world.convoy("remove", "b", "--deadline", "2s")
    one = "".join(line for line in world.fleet.read_text().splitlines(keepends=True) if not line.startswith("  b: {address"))
    world.fleet.write_text(one)
    check("nothing to do" in world.convoy("plan").stdout, "plan finds something to do")
    status = world.status()
    check(status["converged"] and [row["name"] for row in status["hosts"]] == ["a"], f"{status['hosts']}")
    check({row["name"]: row["pid"] for row in status["instances"]} == pids, "its instances were touched")
    world.convoy("rollout", "--to", "1.6.3", "--accept-breaking")
    time.sleep(10)
    check(world.status()["release"]["version"] == "1.6.3" and world.status()["converged"], "the flip lapsed")
    world.must_serve("a")
    world.report(world.fleet)
    check([row["state"] for row in world.report(world.fleet)] == ["unchanged"], "not converged")
    bare = world.fleet.read_text().replace("operator: remote\n", "")
    world.fleet.write_text(bare)
    check("driven from here" in world.convoy("up", code=1).both, "it would drive itself")
    world.fleet.write_text(two.replace("pypi:mcp-grafana@2.0.0", "pypi:mcp-grafana@1.6.3"))
    world.report(world.fleet)
    status = world.status()
    check(status["converged"] and [row["name"] for row in status["hosts"]] == ["a", "b"], f"{status['hosts']}")
    for host in ("a", "b"):
        world.must_serve(host)


if __name__ == "__main__":
    harness.run(__doc__, World)
