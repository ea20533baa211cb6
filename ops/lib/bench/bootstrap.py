"""Bare hosts of the lab to members of a fleet that serve: one alone, then many at once, over their real sshd."""

import contextlib
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "system"))
import harness

from . import rig

# Seconds of one host, beyond the installation of its package; of many at once, three times that.
BOUND = 60
MANY = 3 * BOUND


def timed(action):
    began = time.monotonic()
    result = action()
    return result, round(time.monotonic() - began, 1)


def bootstrapped(world, spec):
    """What became of each host, and how long all took together."""
    rows, took = timed(lambda: world.report(spec))
    misses = [f"{row['host']} is {row['state']}" for row in rows if row["state"] != "changed"]
    for row in rows:
        saw = world.call(row["host"])
        misses += [f"{row['host']} answers {saw}"] * (saw != [200, 200, True])
    again, seen = timed(lambda: world.report(spec))
    misses += [f"{row['host']} is {row['state']} when all is done" for row in again if row["state"] != "unchanged"]
    stages = {}
    for row in rows:
        for stage in row["stages"]:
            stages.setdefault(stage["stage"], []).append(stage["seconds"])
    return {"hosts": len(rows), "seconds": took, "again": seen, "misses": misses,
            "stages": {name: {"least": min(all_of), "most": max(all_of)} for name, all_of in stages.items()}}


def show(title, figures):
    print(f"\n{title}: {figures['seconds']} s; {figures['again']} s to see that all is done")
    for name, seconds in figures["stages"].items():
        spread = f"{seconds['least']:6.1f}"
        if figures["hosts"] > 1:
            spread += f" to {seconds['most']:.1f}"
        print(f"  {name:<14} {spread} s")


def run(wishes):
    os.environ["CONVOY_BIN"] = rig.binary()
    harness.parts.run_under("client")
    from ssh_fleet import BootstrapWorld
    many = [f"host-{number}" for number in range(1, (wishes.hosts or 8) + 1)]
    with contextlib.ExitStack() as stack:
        rig.say(f"booting {len(many) + 1} hosts")
        world = BootstrapWorld(stack, ["alone", *many])
        # The release comes to the operator's machine, once for all hosts.
        _, fetched = timed(lambda: world.report(world.one, "--dry-run", code=2))
        alone = bootstrapped(world, world.one)
        rig.say(f"one host: {alone}")
        together = bootstrapped(world, world.spec("many", *many))
    beyond, beyond_many = (round(row["seconds"] - row["stages"]["package"]["most"], 1) for row in (alone, together))
    ratio = round(beyond_many / beyond, 2)
    misses = alone["misses"] + together["misses"]
    misses += [f"one host took {beyond} s beyond its package, {BOUND} are allowed"] * (beyond >= BOUND)
    misses += [f"{len(many)} hosts took {beyond_many} s beyond their packages, {MANY} are allowed"] * (beyond_many >= MANY)
    print(f"\nBootstrap of bare hosts\n\nthe release on the operator's machine: {fetched} s")
    show("One host", alone)
    show(f"{len(many)} hosts at once", together)
    print(f"\none host beyond its package      {beyond} s (bound {BOUND})")
    print(f"{len(many)} hosts beyond their packages   {beyond_many} s (bound {MANY}); {ratio} times as long as one")
    for miss in misses:
        print(f"MISSED: {miss}")
    return {"one": alone, "many": together, "fetched": fetched, "beyondPackage": beyond, "manyBeyondPackage": beyond_many,
            "ratio": ratio,
            "missed": misses}
