#!/usr/bin/env python3
"""Canaries and rolling updates under load: no call fails, and what is cut comes to its end."""

import json
import os
import re
import signal
import subprocess

import harness
from harness import LINK, check, eventually, test

harness.parts.run_under("client")

OLD, NEW = "1.6.3", "2.0.0"
STATE = {}


def fleet(world, strategy):
    """The fleet, with that strategy from now on: how a rollout goes about it needs no new generation."""
    if "fleet" not in STATE:
        STATE["fleet"] = world.grafana(OLD)
        STATE["fleet"].up()
    ours = STATE["fleet"]
    text = re.sub(r"rollout: \{.*bake", "rollout: {" + strategy + ", bake", ours.spec.read_text())
    ours.spec.write_text(text)
    return ours


def other(ours):
    return NEW if ours.status()["release"]["version"] == OLD else OLD


def load(ours, fresh=True):
    # A reload of nginx cuts kept connections on which a client is about to ask; a flip and a canary need none.
    return ours.load("generate_deeplink", LINK, "/d/abc", clients=6, fresh=fresh)


def spared(summary):
    check(summary["calls"] > 50, f"only {summary['calls']} calls")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


def begin(ours, version):
    command = [os.environ["CONVOY_BIN"], "rollout", "--root", ours.world.root, "--file", ours.spec, "--to", version,
               "--events"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def events(process):
    for line in process.stdout:
        entry = json.loads(line)
        yield entry["step"], entry["mark"], line


def expect_only(ours, version):
    eventually(20, "converged", lambda: ours.status()["converged"])
    status = ours.status()
    check(status["release"]["version"] == version, f"{status['release']['version']} serves, not {version}")
    check({row["version"] for row in status["instances"]} == {version}, "an instance of another version runs")
    check(len(status["instances"]) == 3, f"{len(status['instances'])} instances")
    folders = {path.name for path in (ours.world.root / "var/lib/convoy/instances").iterdir()}
    check(folders == set(ours.instances()), f"folders: {folders}")


@test("a rolling update has at most three instances at a time, two of them fit, and fails no call")
def rolling(world):
    ours = fleet(world, "strategy: rolling")
    target = other(ours)
    seen = []
    with load(ours) as summary:
        process = begin(ours, target)
        for step, mark, line in events(process):
            rows = ours.status()["instances"]
            seen.append((step, mark, len(rows), sum(row["ready"] for row in rows)))
            done = subprocess.run([harness.parts.python("lint"), harness.OPS / "schemas/validate.py", "rollout-event"],
                                  input=line, text=True, capture_output=True)
            check(done.returncode == 0, f"{line}: {done.stdout}{done.stderr}")
        words = process.communicate(timeout=120)[1]
    check(process.returncode == 0, f"exit {process.returncode}: {words[-400:]}")
    check("share.3" in [row[0] for row in seen], f"no third part: {seen}")
    check(max(row[2] for row in seen) == 3, f"more than three at once: {seen}")
    check(min(row[3] for row in seen) >= 2, f"fewer than two fit: {seen}")
    spared(summary)
    expect_only(ours, target)


@test("a rolling update under clients that keep their connections: one in a hundred calls at most meets a reload")
def kept(world):
    ours = fleet(world, "strategy: rolling, rolling: {maxUnavailable: 2}")
    target = other(ours)
    with load(ours, fresh=False) as summary:
        ours.convoy("rollout", "--to", target)
    print(f"      {summary['failed']} of {summary['calls']} calls: {summary['errors']}", flush=True)
    check(summary["failed"] <= summary["calls"] / 100, f"{summary['failed']} of {summary['calls']} calls failed")
    expect_only(ours, target)


@test("a canary has its part of new traffic while it is watched, then all of it; no reload, and no call fails")
def canary(world):
    ours = fleet(world, "strategy: canary, canary: {share: 40%, for: 4s}")
    target = other(ours)
    watched = None
    configuration = (world.root / "etc/convoy/edge/current").resolve()
    with load(ours, fresh=False) as summary:
        process = begin(ours, target)
        for step, mark, _ in events(process):
            if (step, mark) == ("watch", "intent"):
                watched = ours.status()
        words = process.communicate(timeout=120)[1]
    check(process.returncode == 0, f"exit {process.returncode}: {words[-400:]}")
    check(watched and len(watched["instances"]) == 6, f"not two generations: {watched}")
    parts = sorted(share["part"] for share in watched["trafficShare"])
    check(parts == [0.4, 0.6], f"parts of traffic: {parts}")
    spared(summary)
    check((world.root / "etc/convoy/edge/current").resolve() == configuration, "nginx got another configuration")
    expect_only(ours, target)


@test("a canary of one instance comes before the others, with its part of new traffic, and no call fails")
def one(world):
    ours = fleet(world, "strategy: canary, canary: {instances: 1, for: 2s}")
    target = other(ours)
    watched = None
    with load(ours) as summary:
        process = begin(ours, target)
        for step, mark, _ in events(process):
            if (step, mark) == ("watch", "intent"):
                watched = ours.status()
        words = process.communicate(timeout=120)[1]
    check(process.returncode == 0, f"exit {process.returncode}: {words[-400:]}")
    check(watched and len(watched["instances"]) == 4, f"not one canary beside three: {watched}")
    parts = sorted(share["part"] for share in watched["trafficShare"])
    check(parts == [0.25, 0.75], f"parts of traffic: {parts}")
    spared(summary)
    expect_only(ours, target)


@test("kill -9 in any part of a rolling update, then resume or rollback: whole again, and no call failed")
def cut(world):
    ours = fleet(world, "strategy: rolling")
    with load(ours) as summary:
        for cut_at, verb in (("retire.1", "resume"), ("verify.2", "resume"), ("share.3", "resume"),
                             ("start.1", "rollback"), ("retire.3", "rollback"), ("soak", "rollback")):
            before, target = ours.status()["release"]["version"], other(ours)
            process = begin(ours, target)
            for step, mark, _ in events(process):
                if (step, mark) == (cut_at, "intent"):
                    break
            process.kill()
            process.communicate()
            check(process.returncode == -signal.SIGKILL, f"at {cut_at} it ended by itself: {process.returncode}")
            ours.convoy(verb)
            expect_only(ours, target if verb == "resume" else before)
    spared(summary)


if __name__ == "__main__":
    harness.run(__doc__)
