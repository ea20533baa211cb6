#!/usr/bin/env python3
"""A fleet under systemd, on a real host: brought up, booted, hurt under load, rolled, and taken away."""

import re
import time

import harness
from harness import check, eventually, test
from systemd_host import World, edge_killed, traces, unfailed

# All that a fleet writes, but for the units.
PLACES = ("/etc/convoy", "/run/convoy", "/var/lib/convoy", "/var/lib/private/convoy")
FIRST = "convoy-instance-analytics-1-g1.service"
# Kills a unit and watches, in the host itself. Its own start: from fork to serving of a copy of the unit, with
# the same sandbox, when nothing is wrong; the bare one is the same command by root in none.
WATCH_KILL = """
    import http.client, json, os, select, shlex, signal, subprocess, sys, time
    unit, port = sys.argv[1], int(sys.argv[2])
    def show(name, unit=unit):
        return subprocess.run(["systemctl", "show", "--value", "-p", name, unit], capture_output=True).stdout.strip()
    def wait_for(port):
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                asked = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
                asked.request("GET", "/healthz", headers={"Host": "127.0.0.1"})
                if asked.getresponse().status == 200:
                    return time.monotonic()
            except OSError:
                time.sleep(0.001)
        sys.exit("nobody serves at %d" % port)
    def copy():
        text = open("/etc/systemd/system/" + unit).read().replace(":%d" % port, ":%d" % (port + 900))
        return text.replace(unit[len("convoy-instance-"):-len(".service")], "probe-1-g1")
    def own_start():
        subprocess.run(["systemctl", "start", probe], check=True)
        back = wait_for(port + 900)
        forked = int(show("ExecMainStartTimestampMonotonic", probe)) / 1e6
        subprocess.run(["systemctl", "stop", probe], check=True)
        return (back - forked) * 1000
    def bare_start():
        words = shlex.split(next(line for line in copy().splitlines() if line.startswith("ExecStart=")))
        began = time.monotonic()
        process = subprocess.Popen(words[words.index("--") + 1:], env={"HOME": "/tmp"}, stderr=subprocess.DEVNULL)
        took = wait_for(port + 900) - began
        process.kill()
        process.wait()
        return took * 1000
    median = lambda measure: sorted(measure() for _ in range(3))[1]
    probe = "convoy-probe.service"
    with open("/run/systemd/system/" + probe, "w") as file:
        file.write(copy())
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    own, bare = median(own_start), median(bare_start)
    os.unlink("/run/systemd/system/" + probe)
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    watch = select.poll()
    watch.register(os.pidfd_open(int(show("MainPID"))), select.POLLIN)
    kill = subprocess.Popen(["systemctl", "kill", "-s", "KILL", unit])
    watch.poll(5000)
    died, wall = time.monotonic(), time.time()
    back = wait_for(port)
    kill.wait()
    forked = int(show("ExecMainStartTimestampMonotonic")) / 1e6
    print(json.dumps({"wall": wall, "forked": (forked - died) * 1000, "back": (back - died) * 1000,
                      "own": own, "bare": bare}))
    """


def proved(world):
    return {row["name"]: row for row in world.fleet.status()["instances"]}


@test("up on a host that has the package: every instance serves, the release being there")
def up(world):
    fleet = world.fleet
    fleet.convoy("releases", "fetch")
    fleet.convoy("releases", "fetch", "2.1.1")
    began = time.monotonic()
    fleet.convoy("up", "--backend", "systemd")
    took = time.monotonic() - began
    found = fleet.serving()
    check(found, f"status after up: {fleet.convoy('status', fails=True).both}")
    print(f"      up took {took:.1f} s", flush=True)
    check(len(fleet.units()) == 3, f"instance units: {fleet.units()}")
    fleet.call()


@test("what an instance may take of its host is as fleet.yaml says, and plan tells what another bound would change")
def resources(world):
    fleet = world.fleet
    wanted = {"MemoryMax": str(512 << 20), "TasksMax": "200", "CPUQuotaPerSecUSec": "4s"}
    found = {name: fleet.show(FIRST, name) for name in wanted}
    check(found == wanted, f"{found}")
    text = world.lab.inside("a", "cat", fleet.spec).stdout
    try:
        world.lab.write("a", fleet.spec, text.replace("replicas: 3,", "replicas: 3, resources: {memory: 1GiB},"))
        told = fleet.convoy("plan", fails=True)
        check(told.returncode == 2 and "512MiB, 200 tasks, 400% CPU -> 1GiB, 200 tasks" in told.stdout, told.both)
    finally:
        world.lab.write("a", fleet.spec, text)


@test("up again changes nothing: the same units with the same processes")
def again(world):
    before = world.fleet.units("convoy-*")
    world.fleet.convoy("up", "--backend", "systemd")
    check(world.fleet.units("convoy-*") == before, f"{before} -> {world.fleet.units('convoy-*')}")


@test("a reboot brings the whole fleet back with nobody logged in")
def reboot(world):
    began = time.monotonic()
    answer = world.lab.hosts("ctl", "a", "reboot").stdout.split()
    check(answer[2:] == ["running"], f"the host is {answer[2:]}")
    eventually(20, "the fleet serves", world.fleet.serving, every=0.2)
    print(f"      serving {time.monotonic() - began:.1f} s after the request to reboot", flush=True)
    world.fleet.call()


def said_at(world, wall, word):
    """When the supervisor first said something that fits after a moment of the host's clock."""
    lines = world.lab.inside("a", "journalctl", "--sync", fails=True) and world.lab.inside(
        "a", "journalctl", "-u", "convoy-supervisor", "--since", f"@{wall:.6f}", "-o", "short-unix").stdout
    found = [line for line in lines.splitlines() if re.search(word, line)]
    return (float(found[0].split()[0]), found[0]) if found else None


@test("systemctl kill -s KILL of an instance under load: it is noticed by a signal and back at once; no call fails")
def kill(world):
    with world.fleet.busy() as summary:
        # The median of three: others use this machine too. The figures are printed; only a poll, or a pause before
        # the first restart, would be as slow as what is checked.
        rows = sorted((killed_once(world) for _ in range(3)), key=lambda row: row["back"] - row["own"])
    print(f"      {unfailed(summary)}", flush=True)
    detected = max(row["detected"] for row in rows)
    check(detected < 5000, f"detected after {detected:.1f} ms")
    late = rows[1]["back"] - rows[1]["own"]
    check(late < 10000, f"serving its own start time and {late:.1f} ms later")


def killed_once(world):
    fleet = world.fleet
    saw = fleet.script(WATCH_KILL, FIRST, str(proved(world)["analytics-1-g1"]["port"]))
    # Before the kill was noticed here it may have been noticed there.
    said = lambda: said_at(world, saw["wall"] - 0.5, "analytics-1-g1.*signal 9")
    (moment, line), _ = eventually(30, "the supervisor says it", said, every=0.2)
    eventually(10, "all serve", fleet.serving, every=0.1)
    saw["detected"] = (moment - saw["wall"]) * 1000
    print("      " + ", ".join(f"{name} {saw[name]:.1f} ms" for name in ("detected", "forked", "back", "own", "bare")),
          flush=True)
    return saw


@test("systemctl restart convoy-supervisor under load: no call fails, every instance keeps its process")
def restart(world):
    fleet = world.fleet
    before, first = fleet.units(), fleet.pid("convoy-supervisor")
    with fleet.busy() as summary:
        world.lab.inside("a", "systemctl", "restart", "convoy-supervisor")
        eventually(20, "the next supervisor sees all serving", fleet.serving, every=0.1)
    check(fleet.units() == before, f"{before} -> {fleet.units()}")
    check(fleet.pid("convoy-supervisor") != first, "it was not restarted")
    print(f"      {unfailed(summary)}", flush=True)


@test("a frozen supervisor is restarted by its watchdog; no call fails and no instance notices")
def frozen(world):
    fleet = world.fleet
    before, first = fleet.units(), fleet.pid("convoy-supervisor")
    check(first, "no supervisor runs")
    with fleet.busy() as summary:
        world.lab.inside("a", "kill", "-STOP", str(first))
        _, took = eventually(20, "another supervisor", lambda: fleet.pid("convoy-supervisor") not in (0, first))
        eventually(20, "it sees all serving", fleet.serving, every=0.1)
    print(f"      replaced after {took:.1f} s; {unfailed(summary)}", flush=True)
    check(fleet.units() == before, f"{before} -> {fleet.units()}")
    said = world.lab.hosts("journal", "a", "-b", "-u", "convoy-supervisor").stdout
    check("watchdog" in said.lower(), "another reason")


def killed_one_returns(world, unit):
    fleet, others = world.fleet, world.fleet.units()
    first = fleet.pid(unit)
    check(first, f"{unit} does not run")
    world.lab.inside("a", "kill", "-KILL", str(first))
    _, took = eventually(30, f"another {unit}", lambda: fleet.pid(unit) not in (0, first))
    eventually(30, "a call is answered", lambda: fleet.call(fails=True).returncode == 0)
    print(f"      {unit} is another process after {took * 1000:.0f} ms", flush=True)
    check(fleet.units() == others, f"{others} -> {fleet.units()}")
    check(fleet.serving(), fleet.convoy("status", fails=True).both)


@test("the gate killed comes back by itself; calls under way wait for it and none fails")
def gate(world):
    with world.fleet.busy() as summary:
        killed_one_returns(world, "convoy-gate.service")
    print(f"      {unfailed(summary)}", flush=True)


@test("the edge killed under load is back at once with all of its workers, and calls go on")
def edge(world):
    fleet, others = world.fleet, world.fleet.units()
    with fleet.busy() as summary:
        saw = edge_killed(fleet)
        eventually(5, "a call is answered", lambda: fleet.call(fails=True).returncode == 0)
    check(saw["statuses"] == [200, 200, 200], f"{saw}")
    check(fleet.units() == others and fleet.serving(), fleet.convoy("status", fails=True).both)
    print(f"      refused for {saw['refused']:.0f} ms; {summary['failed']} of {summary['calls']} calls failed",
          flush=True)
    check(saw["refused"] < 9000, f"{saw}")
    # Calls that it had, and those that knocked while nobody listened; then all is well again.
    check(summary["failed"] < summary["calls"] / 4, f"{summary}")


@test("an upgrade of the package under load: supervisor and gate are the new program, nobody else notices, no call fails")
def upgrade(world):
    fleet = world.fleet
    lasting = lambda: fleet.units() | {"edge": fleet.pid("convoy-edge.service")}
    renewed = lambda: {unit: fleet.pid(f"convoy-{unit}.service") for unit in ("supervisor", "gate")}
    before, first = lasting(), renewed()
    with fleet.busy() as summary:
        world.lab.inside("a", "dpkg", "--install", f"/opt/package/{world.package.name}")
        fresh = lambda: all(pid not in (0, first[unit]) for unit, pid in renewed().items())
        _, took = eventually(20, "another supervisor and another gate", fresh, every=0.05)
        eventually(20, "the next supervisor sees all serving", fleet.serving, every=0.1)
    check(lasting() == before, f"{before} -> {lasting()}")
    programs = {unit: world.lab.inside("a", "readlink", f"/proc/{pid}/exe").stdout.strip()
                for unit, pid in renewed().items()}
    check(set(programs.values()) == {"/usr/bin/convoy"}, f"they run {programs}")
    print(f"      renewed {took:.1f} s after dpkg; {unfailed(summary)}", flush=True)


@test("the supervisor restarted once more leaves the new gate alone")
def no_second_renewal(world):
    fleet = world.fleet
    before = fleet.pid("convoy-gate.service")
    world.lab.inside("a", "systemctl", "restart", "convoy-supervisor")
    eventually(20, "the next supervisor sees all serving", fleet.serving, every=0.1)
    check(fleet.pid("convoy-gate.service") == before, "the gate was restarted for nothing")


@test("a drop-in of the administrator for all instances survives, and holds for the instances that run")
def drop_in(world):
    lab, fleet = world.lab, world.fleet
    folder = "/etc/systemd/system/convoy-instance-.service.d"
    lab.inside("a", "mkdir", "-p", folder)
    lab.write("a", f"{folder}/10-admin.conf", "[Service]\nTasksMax=77\n")
    lab.inside("a", "systemctl", "daemon-reload")
    world.dropped = folder
    check(fleet.show(FIRST, "TasksMax") == "77", f"before: {fleet.show(FIRST, 'TasksMax')}")


@test("a rollout under load: no call fails, one flip, and of the old generation neither unit nor file is left")
def rollout(world):
    fleet, lab = world.fleet, world.lab
    with fleet.busy(flip=True) as summary:
        fleet.convoy("rollout", "--to", "2.1.1", seconds=300)
    print(f"      {unfailed(summary)}", flush=True)
    check(summary["mixedAfterFlip"] == 0, f"{summary['mixedAfterFlip']} met the old release after the flip")
    check(sorted(fleet.units()) == [f"convoy-instance-analytics-{n}-g2.service" for n in (1, 2, 3)], f"{fleet.units()}")
    check(set(fleet.status_versions().values()) == {"2.1.1"}, f"{fleet.status_versions()}")
    old = lab.inside("a", "find", "/etc", "/run", "/var/lib", "-name", "*analytics-?-g1*",
                     # systemd's own note for the journal, which it keeps.
                     "-not", "-path", "/run/systemd/units/*", fails=True).stdout.split()
    check(not old, f"left of the old generation: {old}")
    check(fleet.show(FIRST, "LoadState") == "not-found", "systemd still knows the old unit")


@test("the administrator's drop-in holds for the new generation too, and status names it")
def drop_in_later(world):
    found = {unit: world.fleet.show(unit, "TasksMax") for unit in world.fleet.units()}
    check(set(found.values()) == {"77"}, f"TasksMax: {found}")
    check("10-admin.conf" in world.fleet.convoy("status").stdout, "status does not show it")


@test("more instances and fewer under load: the others keep process and unit file, nothing is left of those that went")
def scale(world):
    fleet, lab = world.fleet, world.lab
    text = lab.inside("a", "cat", fleet.spec).stdout
    drift = fleet.convoy("drift", fails=True).stdout
    before = fleet.units()
    kept = {unit: lab.inside("a", "cat", f"/etc/systemd/system/{unit}").stdout for unit in before}
    for replicas in (5, 3):
        lab.write("a", fleet.spec, text.replace("replicas: 3,", f"replicas: {replicas},"))
        with fleet.busy() as summary:
            fleet.convoy("up")
        print(f"      {summary['calls']} calls, {summary['failed']} failed: {summary['errors']}", flush=True)
        # nginx is reloaded several times; one call in hundreds may still be on a connection that closes.
        check(summary["calls"] > 20 and summary["failed"] <= 1, f"{summary['failed']} of {summary['calls']} calls failed")
        now = fleet.units()
        check(len(now) == replicas, f"{replicas} instances are {now}")
        check(all(now[unit] == pid for unit, pid in before.items()), f"{before} became {now}")
        now = fleet.convoy("drift", fails=True).stdout
        check(now == drift, f"{replicas}: {now}")
    after = {unit: lab.inside("a", "cat", f"/etc/systemd/system/{unit}").stdout for unit in fleet.units()}
    check(after == kept, "a unit file has changed")


@test("rollback under load: no call fails, and the release before serves as a generation of its own")
def rollback(world):
    fleet = world.fleet
    with fleet.busy(flip=True) as summary:
        fleet.convoy("rollback", seconds=300)
    print(f"      {unfailed(summary)}", flush=True)
    check(set(fleet.status_versions().values()) == {"1.6.3"}, f"{fleet.status_versions()}")
    check(len(fleet.units()) == 3, f"{fleet.units()}")


@test("a server is asked about its settings behind walls of its own, and stops a rollout in its own words")
def dry_run(world):
    fleet, lab = world.fleet, world.lab
    text, units = lab.inside("a", "cat", fleet.spec).stdout, fleet.units()
    known = (harness.parts.REPOSITORY / "templates/profiles/grafana.yaml").read_text()
    lab.write("a", fleet.spec, text.replace("profile: grafana", "profile: ./own.yaml"))
    for arguments, code in (("[--no-such-flag]", 1), ("[--version]", 0)):
        own = known.replace("profile: grafana", "profile: own") + f"\ndryRun: {{arguments: {arguments}}}\n"
        lab.write("a", f"{fleet.spec.rsplit('/', 1)[0]}/own.yaml", own)
        done = fleet.convoy("up", fails=True, seconds=300)
        said = " ".join(done.both.split())
        check(done.returncode == code, f"{arguments}: exit {done.returncode}: {said[-400:]}")
        if code:
            words = "refuses the settings of pool analytics: flag provided but not defined: -no-such-flag"
            check(words in said, f"not its words: {said[-600:]}")
            check(fleet.units() == units, f"{units} became {fleet.units()}")
    check(len(fleet.units()) == 3 and not set(fleet.units()) & set(units), f"{fleet.units()}")
    lab.write("a", fleet.spec, text)
    fleet.convoy("up", seconds=300)


@test("down --purge leaves nothing of the fleet, and the host's own nginx and ssh are what they were")
def purge(world):
    fleet, lab = world.fleet, world.lab
    if getattr(world, "dropped", None):
        lab.inside("a", "rm", "-r", world.dropped)
        lab.inside("a", "systemctl", "daemon-reload")
    own = {unit: fleet.pid(unit) for unit in ("nginx.service", "ssh.service")}
    fleet.convoy("down", "--purge")
    now = traces(lab)
    left = {what: sorted(there - world.bare[what]) for what, there in now.items()}
    check(not any(left.values()), f"left: { {what: those[:20] for what, those in left.items() if those} }")
    own_places = lambda name: name.startswith(PLACES) or "convoy supervise" in name
    lost = [name for what, there in world.bare.items() for name in there - now[what] if not own_places(name)]
    check(not lost, f"taken: {sorted(lost)[:20]}")
    check(not [name for name in now["files"] if name.startswith(PLACES)], "Convoy's own directories are still there")
    check(own == {unit: fleet.pid(unit) for unit in own} and all(own.values()), f"the host's own: {own}")


@test("up works again after a purge")
def up_again(world):
    world.fleet.convoy("up", "--backend", "systemd", seconds=300)
    check(world.fleet.serving(), world.fleet.convoy("status", fails=True).both)
    world.fleet.call()


if __name__ == "__main__":
    harness.run(__doc__, World)
