#!/usr/bin/env python3
"""What callers would miss stops a rollout before its flip, and so does a host without room; prune keeps the way back."""

import json
import os
import pathlib
import shutil
import subprocess

import harness
import own_release
from harness import OPS, check, test

harness.parts.run_under("client")

SPEC = """\
fleet: system
server: {{profile: ./listing.yaml, release: "path:./listing-1.0.0@1.0.0"}}
health: {{interval: 1s}}
pools:
  analytics: {{replicas: 2, scope: "mcp:analytics"}}
edge: {{url: "http://127.0.0.1:{port}", authorization: development}}
rollout: {{bake: 1s, drain: 2s, deadline: 1m}}
"""
STATE = {}


def tool(name, *required):
    return {"name": name, "inputSchema": {"type": "object", "properties": {word: {"type": "string"} for word in required},
                                          "required": list(required)}}


def release(world, version, *more):
    return own_release.write(world.work, "listing", version, tools=more)


def fleet(world):
    if "fleet" not in STATE:
        release(world, "1.0.0", tool("search", "text"), tool("count"))
        (world.work / "listing.yaml").write_text(own_release.profile("listing"))
        STATE["fleet"] = world.fleet("compatibility", SPEC)
        STATE["fleet"].up()
    return STATE["fleet"]


def fits(name, document):
    done = subprocess.run([harness.parts.python("lint"), OPS / "schemas/validate.py", name], input=document,
                          text=True, capture_output=True)
    check(done.returncode == 0, f"{name}: {done.stdout}{done.stderr}")
    return json.loads(document)


def refused(ours, *words, code=1):
    """The verb is refused with these words, and the same processes serve the same version."""
    before = {name: row["pid"] for name, row in ours.instances().items()}
    done = ours.convoy(*words, fails=True)
    said = done.stderr + done.stdout
    check(done.returncode == code, f"exit {done.returncode} instead of {code}: {said[-600:]}")
    after = {name: row["pid"] for name, row in ours.instances().items()}
    check(before == after, f"other instances run than before: {before} {after}")
    check(ours.status()["converged"], "the fleet is not converged")
    return said


def releases(ours, verb, *words):
    done = subprocess.run([os.environ["CONVOY_BIN"], "releases", verb, "--root", ours.world.root, "--file", ours.spec,
                           *words], text=True, capture_output=True, timeout=60)
    check(done.returncode == 0, f"convoy releases {verb} exited {done.returncode}: {done.stderr[-600:]}")
    return done.stdout


@test("a release without a tool that callers have is undone before its flip, and no call fails")
def removed(world):
    ours = fleet(world)
    target = release(world, "2.0.0", tool("search", "text"))
    with ours.load("echo", {"text": "hello"}, "hello", clients=6, pause=0.1, mode="legacy") as summary:
        said = refused(ours, "rollout", "--to", target)
    check("tool count no longer listed" in said and "--accept-breaking" in said, said[-600:])
    check("- tool count (breaks)" in said, f"the difference is not told: {said[-600:]}")
    check(summary["failed"] == 0 and summary["calls"] > 20, f"{summary['failed']} of {summary['calls']} failed")


@test("an argument that is required now is a reason, too; a tool more is none")
def required(world):
    ours = fleet(world)
    target = release(world, "3.0.0", tool("search", "text", "database"), tool("count"))
    said = refused(ours, "rollout", "--to", target)
    check("search: database is new and required" in said, said[-600:])
    ours.convoy("rollout", "--to", release(world, "4.0.0", tool("search", "text"), tool("count"), tool("fresh")))
    check(ours.status()["release"]["version"] == "4.0.0", "the new version does not serve")


@test("plan shows the report for a release that was refused once, and nothing is started for it")
def planned(world):
    ours = fleet(world)
    spec = ours.spec.read_text()
    try:
        ours.spec.write_text(spec.replace("listing-4.0.0@4.0.0", "listing-2.0.0@2.0.0"))
        document = fits("plan", ours.convoy("plan", "--json", fails=True).stdout)
        report = document["compatibility"]
        check(report["known"] and report["breaking"], f"{report}")
        check(report["toolsRemoved"] == ["count", "fresh"], f"{report}")
        text = ours.convoy("plan", fails=True).stdout
        check("- tool count (breaks)" in text and "it needs --accept-breaking" in text, text)
        check(max(map(len, text.splitlines())) <= 80, "a line is longer than 80 columns")
        # Never seen.
        release(world, "9.0.0")
        ours.spec.write_text(spec.replace("listing-4.0.0@4.0.0", "listing-9.0.0@9.0.0"))
        unseen = fits("plan", ours.convoy("plan", "--json", fails=True).stdout)["compatibility"]
        check(not unseen["known"] and not unseen["breaking"], f"{unseen}")
    finally:
        ours.spec.write_text(spec)
    check(fits("plan", ours.convoy("plan", "--json").stdout)["compatibility"] is None, "nothing changes, yet it is told")


@test("with --accept-breaking it rolls all the same")
def accepted(world):
    ours = fleet(world)
    done = ours.convoy("rollout", "--accept-breaking", "--to", "path:./listing-2.0.0@2.0.0")
    check("- tool count (breaks)" in done.stderr, done.stderr)
    check(ours.status()["release"]["version"] == "2.0.0", "the new version does not serve")


@test("prune keeps what rollback needs, which then needs nothing else: not even what it was made from")
def pruned(world):
    ours = fleet(world)
    listed = {row["reference"]["version"]: row["kept"]
              for row in fits("releases", releases(ours, "list", "--json"))}
    check("serves" in listed["2.0.0"] and "previous" in listed["4.0.0"], f"{listed}")
    gone = fits("releases", releases(ours, "prune", "--also-locked", "--json"))
    check({row["reference"]["version"] for row in gone} >= {"1.0.0", "3.0.0"}, f"{gone}")
    check(not any(pathlib.Path(row["tree"]).exists() for row in gone), "what was removed is still there")
    check("nothing to remove" in releases(ours, "prune", "--also-locked"), "prune is not repeatable")
    text = releases(ours, "list")
    check("`rollback` goes there" in text and "serves" in text, text)
    for folder in world.work.glob("listing-*.0.0"):
        shutil.rmtree(folder)
    # 2.0.0 has no `fresh`: the way back adds it. The way there took it; neither direction is asked about.
    ours.convoy("rollback")
    check(ours.status()["release"]["version"] == "4.0.0", "the version before does not serve")
    ours.convoy("rollback")
    check(ours.status()["release"]["version"] == "2.0.0", "a rollback that loses tools was not carried out")


@test("a host without room for another generation is told by figures; nothing is made")
def room(world):
    ours = fleet(world)
    supervisor = ours.status()["supervisor"]["pid"]
    target = release(world, "5.0.0", tool("search", "text"))
    limits = subprocess.run(["prlimit", "--pid", str(supervisor), "--nofile", "--noheadings", "--output", "SOFT,HARD"],
                            check=True, capture_output=True, text=True).stdout.split()
    subprocess.run(["prlimit", "--pid", str(supervisor), f"--nofile=63:{limits[1]}"], check=True)
    try:
        said = refused(ours, "rollout", "--to", target)
    finally:
        subprocess.run(["prlimit", "--pid", str(supervisor), f"--nofile={limits[0]}:{limits[1]}"], check=True)
    check("a process may have 63 open files here, an instance needs 64" in said, said[-600:])
    check("ulimit -n" in said, f"no next step: {said[-600:]}")
    ours.convoy("rollout", "--to", target)
    check(ours.status()["release"]["version"] == "5.0.0", "the new version does not serve")


@test("down with everything")
def down(world):
    fleet(world).convoy("down")
    fleet(world).is_up = False


@test("a real server whose settings leave a group of tools out is the same question, and up asks it")
def settings(world):
    ours = world.grafana("2.1.1")
    spec = ours.spec.read_text()
    wide = spec.replace('@2.1.1"}', '@2.1.1", settings: {tools: "search,navigation"}}')
    check(wide != spec, "the settings did not get into fleet.yaml")
    ours.spec.write_text(wide)
    ours.up()
    ours.spec.write_text(spec)
    said = refused(ours, "up")
    check("no longer listed" in said and "search_dashboards" in said, said[-600:])
    ours.convoy("up", "--accept-breaking")
    check(ours.status()["converged"], "the fleet is not converged")
    ours.spec.write_text(wide)
    report = fits("plan", ours.convoy("plan", "--json", fails=True).stdout)["compatibility"]
    check(report["known"] and not report["breaking"] and "search_dashboards" in report["toolsAdded"], f"{report}")


if __name__ == "__main__":
    harness.run(__doc__)
