#!/usr/bin/env python3
"""Releases that leak, answer slowly or fail one call in twenty are reverted while they bake; a good one stays."""

import contextlib
import datetime
import re
import sqlite3
import time

import harness
import own_release
from harness import check, eventually, test

harness.parts.run_under("client")

SPEC = """\
fleet: system
server: {{profile: ./flawed.yaml, release: "path:./flawed-1.0.0@1.0.0"}}
health: {{interval: 1s}}
pools:
  analytics: {{replicas: 3, scope: "mcp:analytics"}}
edge: {{url: "http://127.0.0.1:{port}", authorization: development}}
rollout: {{bake: 60s, drain: 2s, deadline: 1m}}
"""
STATE = {}


def release(world, version, flaw):
    return own_release.write(world.work, "flawed", version, flaw=flaw)


def fleet(world):
    if "fleet" not in STATE:
        release(world, "1.0.0", "none")
        (world.work / "flawed.yaml").write_text(own_release.profile("flawed"))
        STATE["fleet"] = world.fleet("soak", SPEC)
        STATE["fleet"].up()
    return STATE["fleet"]


def decided(world, since):
    """When the journal says that the soak failed, and in which words."""
    with contextlib.closing(sqlite3.connect(f"file:{world.root}/var/lib/convoy/ledger.db?mode=ro", uri=True)) as ledger:
        rows = ledger.execute("SELECT at, detail FROM journal WHERE step = 'soak' AND mark = 'failed' AND at >= ?",
                              (since,)).fetchall()
    check(len(rows) == 1, f"the journal has {len(rows)} soaks that failed, not one")
    return rows[0]


def served_again(world, generation, since):
    """When the supervisor said that the generation serves, after the given time."""
    for line in (world.root / "var/lib/convoy/log/supervisor.log").read_text().splitlines():
        stamp, _, words = line.partition(" ")
        if words != f"generation {generation} serves":
            continue
        moment = datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()
        if moment >= since:
            return moment
    return None


def load(ours, sdk=2):
    return ours.load("echo", {"text": "hello"}, "hello", clients=12, pause=0.1, mode="legacy", sdk=sdk)


def reverted(world, version, flaw, figures, sdk=2):
    ours = fleet(world)
    before = {name: row["pid"] for name, row in ours.instances().items()}
    generation = ours.status()["generation"]
    with load(ours, sdk) as summary:
        # Something to compare with.
        time.sleep(5)
        began = time.time()
        done = ours.convoy("rollout", "--to", release(world, version, flaw), fails=True)
    words = done.stderr + done.stdout
    check(done.returncode == 1, f"exit {done.returncode} instead of 1: {words[-600:]}")
    found = re.search(figures, words)
    check(found, f"no figures in: {words[-600:]}")
    print(f"      {found.group(0)}", flush=True)
    moment, why = decided(world, began)
    check(found.group(0) in why, f"the journal has other words: {why}")
    back = served_again(world, generation, began)
    check(back, "the old generation was not flipped back to")
    check(back - moment < 1, f"the way back took {back - moment:.2f} s")
    status = ours.status()
    check(status["release"]["version"] == "1.0.0", f"{status['release']['version']} serves")
    check({row["name"]: row["pid"] for row in status["instances"]} == before, "other instances run than before")
    eventually(10, "the fleet is converged", lambda: ours.status()["converged"])
    return found, summary


@test("a release that fails one call in twenty, by 500 or cut in the middle, is reverted with the figures")
def fails(world):
    # The SDK's clients do not survive a cut. A fifth of the calls lists tools, and those all succeed.
    found, summary = reverted(
        world, "2.0.0", "fails", r"([0-9.]+)% of [0-9,]+ calls failed, 0% of [0-9,]+ before \(bound 1% more\)", sdk=0)
    check(2.6 < float(found.group(1)) < 6.5, "half of the failures were not seen, or too many")
    check(summary["failed"] > 0, "no client noticed")


@test("a release that answers 300 ms later is reverted with both p95, and no call fails")
def slow(world):
    _, summary = reverted(world, "3.0.0", "slow", r"p95 of [0-9,]+ calls [0-9]+ ms, [0-9]+ ms of [0-9,]+ before")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


@test("a release that leaks 15 MB/s is reverted with what it grew to, and no call fails")
def leaks(world):
    _, summary = reverted(world, "4.0.0", "leak",
                          r"resident memory of analytics-\d-g\d+ climbs [0-9.]+ MB/s: \d+ MB, was \d+ MB after start")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


@test("a canary that leaks is taken back before the flip, with the figures, and no call fails")
def canary(world):
    ours = fleet(world)
    text = ours.spec.read_text()
    # All of the load is one caller, who has to be on the canary's side.
    ours.spec.write_text(text.replace("rollout: {", "rollout: {strategy: canary, canary: {share: 99%, for: 60s}, "))
    before = {name: row["pid"] for name, row in ours.instances().items()}
    with load(ours) as summary:
        done = ours.convoy("rollout", "--to", release(world, "4.1.0", "leak"), fails=True)
    ours.spec.write_text(text)
    words = done.stderr + done.stdout
    check(done.returncode == 1, f"exit {done.returncode} instead of 1: {words[-600:]}")
    check(re.search(r"resident memory of analytics-\d-g\d+ climbs", words), f"no figures: {words[-600:]}")
    check("served throughout" in words, f"it was flipped: {words[-600:]}")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")
    check({name: row["pid"] for name, row in ours.instances().items()} == before, "other instances run than before")
    log = (world.root / "var/lib/convoy/log/supervisor.log").read_text()
    check("gets 99% of new traffic" in log, "the canary had no traffic")


@test("a release as good as the one before stays, and no call fails")
def good(world):
    ours = fleet(world)
    ours.spec.write_text(ours.spec.read_text().replace("bake: 60s", "bake: 15s"))
    with load(ours) as summary:
        ours.convoy("rollout", "--to", release(world, "5.0.0", "none"))
    check(ours.status()["release"]["version"] == "5.0.0", "the new version does not serve")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


if __name__ == "__main__":
    harness.run(__doc__)
