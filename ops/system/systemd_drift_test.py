#!/usr/bin/env python3
"""Planted differences on a host whose instances are units: found, named, and healed without a restart."""

import json

import harness
from harness import check, eventually, test
from systemd_host import World

UNITS = "/etc/systemd/system"


def drift(world, *more):
    done = world.fleet.convoy("drift", "--json", *more, fails=True)
    check(done.returncode in (0, 2, 69) and done.stdout, f"drift exited {done.returncode}: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def rows(report):
    return [f"{row['kind']} {row['subject']}: {row['found']}" for row in report["findings"]]


def clean(world, when):
    report = drift(world)
    check(not report["findings"], f"{when}: {rows(report)}")
    check(not report["unseen"], f"{when}, not looked at: {report['unseen']}")
    return report


def named(report, kind, part):
    check(any(row["kind"] == kind and part in row["subject"] for row in report["findings"]),
          f"no {kind} finding for {part} in {rows(report)}")


def shell(world, line):
    return world.lab.inside("a", "sh", "-c", line)


@test("right after up, and after an instance was killed, there is no drift")
def up(world):
    world.fleet.convoy("up", "--backend", "systemd")
    eventually(60, "all serve", world.fleet.serving)
    clean(world, "after up")
    unit, pid = next(iter(sorted(world.fleet.units().items())))
    shell(world, f"kill -9 {pid}")
    eventually(30, "it is back", lambda: world.fleet.units().get(unit, pid) != pid and world.fleet.serving())
    clean(world, "after a restart")


@test("units, slice and modes are found and healed, and no instance is restarted")
def units(world):
    before = world.fleet.units()
    name = next(iter(sorted(before)))
    instance = name.removeprefix("convoy-instance-").removesuffix(".service")
    shell(world, f"sed -i 's/^MemoryDenyWriteExecute=.*//; $ a # by hand' {UNITS}/{name}")
    shell(world, f"echo 'IPAddressAllow=any' >> {UNITS}/convoy.slice")
    shell(world, f"cp {UNITS}/{name} {UNITS}/convoy-instance-analytics-1-g99.service")
    shell(world, f"chmod 0755 /var/lib/convoy/instances/{instance}")
    report = drift(world)
    named(report, "unit", name)
    named(report, "unit", "convoy.slice")
    named(report, "generation", "convoy-instance-analytics-1-g99.service")
    named(report, "mode", f"/var/lib/convoy/instances/{instance}")
    healed = drift(world, "--heal")
    check(not healed["findings"], f"left after --heal: {rows(healed)}")
    check(world.fleet.units() == before, "healing restarted instances")
    check(world.fleet.show(name, "NeedDaemonReload") == "no", "systemd was not told")


@test("an admin's drop-in is told as a note and is no difference")
def drop_in(world):
    folder = f"{UNITS}/convoy-instance-.service.d"
    shell(world, f"mkdir -p {folder}; printf '[Service]\\nCPUWeight=50\\n' > {folder}/10-admin.conf; systemctl daemon-reload")
    world.fleet.convoy("up")
    report = eventually(30, "it is noted", lambda: (now := clean(world, "with a drop-in"))["notes"] and now)[0]
    check("10-admin.conf" in report["notes"][0], f"{report['notes']}")
    shell(world, f"rm -r {folder}; systemctl daemon-reload")
    world.fleet.convoy("up")


@test("rules of the firewall that somebody edited are found, and up loads them again")
def firewall(world):
    shell(world, "sed -i '/drop/d' /etc/convoy/firewall.nft")
    named(drift(world), "firewall", "/etc/convoy/firewall.nft")
    world.fleet.convoy("up")
    clean(world, "after up")


@test("a server that a person started from the release, and a listener on an instance's port, are found")
def strangers(world):
    row = next(iter(sorted(world.fleet.instances().values(), key=lambda row: row["name"])))
    digest = world.fleet.status()["release"]["digest"]
    code = f"import socket,time; s=socket.create_server((\"127.0.0.2\",{row['port']})); time.sleep(600)"
    shell(world, f"systemd-run --quiet --unit=stranger /usr/bin/python3 -c '{code}' "
                 f"/var/lib/convoy/releases/{digest}/tree/x")
    eventually(10, "both are found", lambda: {"listener", "generation"} <= {
        row["kind"] for row in drift(world)["findings"]})
    shell(world, "systemctl stop stranger")
    clean(world, "after it was stopped")


@test("after a rollout there is no drift")
def rolled(world):
    world.fleet.convoy("rollout", "--to", "2.1.1", seconds=300)
    clean(world, "after a rollout")


if __name__ == "__main__":
    harness.run(__doc__, World)
