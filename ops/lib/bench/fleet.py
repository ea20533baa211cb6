"""A fleet of many hosts and no machine behind any: the convoy that is released, with a stand-in for OpenSSH's client
at whose other end each host's supervisor is pretended. What is measured is the operator's end, whole: its processes,
its pipes, its plans."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "system"))
import harness

from . import rig

REPLICAS = 10
# Seconds of a plan; bytes of memory; hosts that are asked at a time; seconds of a status when a host is silent.
PLAN, MEMORY, WIDTH, SILENCE = 0.5, 200 << 20, 64, 8
SPEC = """\
fleet: bench
server: {{profile: grafana, release: "pypi:mcp-grafana@1.6.3"}}
pools:
  analytics: {{replicas: {replicas}, scope: "mcp:analytics"}}
hosts:
{hosts}edge:
  url: https://mcp.convoy.example
  tls: {{certificate: /etc/edge.pem, key: /etc/edge.key}}
  authorization: {{issuer: https://login.convoy.example, jwks: /etc/keys.json}}
"""
# Called as `ssh OPTIONS -- HOST LINE`. Speaks as `convoy host control` does, for a supervisor that answers at once, or
# takes 0.1 s for it, or for ever. Notes when it is asked and when it has answered. Of bash alone: a hundred must cost little.
SSH = """\
#!/bin/bash
while [ "$1" != -- ]; do shift; done
cd "${{0%/*}}" || exit 1
host=$2
read -r hello || exit 0
convoy=${{hello#*\\"convoy\\":\\"}}
printf '{{"kind":"welcome","protocol":1,"convoy":"%s"}}\\n' "${{convoy%%\\"*}}"
exec 9<>pause
while read -r line; do
    id=${{line#*\\"id\\":}}
    id=${{id%%[,\\}}]*}}
    echo + >> asked
    [ -e "silent-$host" ] && read -r -t 60 -u 9
    [ -e slow ] && read -r -t 0.1 -u 9
    echo - >> asked
    printf '%s%s%s\\n' '{{"id":' "$id" "$(< "$host.json")"
done
exit 0
"""


def reply(status):
    """What follows the number of an answer: the pretended supervisor's report."""
    report = {"revision": 1, "status": status, "generations": [], "figures": []}
    rest = {"status": 200, "version": "1", "body": json.dumps(report)}
    return "," + json.dumps(rest)[1:]


def status(host, version, serves):
    digest = "ab" * 32
    rows = [{
        "name": f"analytics-{host}-{slot}-g1", "pool": "analytics", "host": host, "slot": slot, "generation": 1,
        "version": "1.6.3", "digest": digest, "state": "serving", "ready": True, "reason": "", "port": 21000 + slot,
        "pid": 1000 + slot, "uptimeSeconds": 60.5, "databaseUser": None, "proof": None, "eras": ["modern", "legacy"],
        "toolsDigest": digest, "restarts": 0, "dropIns": []} for slot in range(1, REPLICAS + 1)]
    return {
        "fleet": "bench", "generation": 1 if serves else 0,
        "release": {"name": "mcp-grafana", "version": "1.6.3", "digest": digest} if serves else None,
        "converged": serves, "instances": rows if serves else [],
        "edge": {"url": "https://mcp.convoy.example", "state": "up", "reason": ""},
        "gate": {"state": "up", "reason": ""}, "supervisor": {"state": "up", "pid": 900, "version": version},
        "trafficShare": [{"pool": "analytics", "generation": 1, "part": 1}] if serves else [], "hosts": []}


class Simulation:
    def __init__(self, folder, binary, count):
        self.folder, self.binary, self.count = folder, binary, count
        self.hosts = [f"host-{number:03}" for number in range(1, count + 1)]
        lines = "".join(f"  {host}: {{address: 10.80.{place // 250}.{place % 250 + 1}, ssh: {host}}}\n"
                        for place, host in enumerate(self.hosts))
        (folder / "fleet.yaml").write_text(SPEC.format(hosts=lines, replicas=REPLICAS))
        self.ssh = folder / "bin"
        self.ssh.mkdir()
        os.mkfifo(self.ssh / "pause")
        (self.ssh / "ssh").write_text(SSH.format())
        (self.ssh / "ssh").chmod(0o755)
        self.pretend(serves=False)

    def pretend(self, serves):
        for host in self.hosts:
            (self.ssh / f"{host}.json").write_text(reply(status(host, "0", serves)))

    def convoy(self, verb, *words, fails=False):
        """Its output, seconds, most memory in bytes, and seconds of processor with the stand-ins'."""
        environment = {**os.environ, "PATH": f"{self.ssh}:{os.environ['PATH']}", "PIP_NO_INDEX": "1",
                       "PIP_FIND_LINKS": str(harness.parts.PARTS / "wheels")}
        (self.ssh / "asked").write_text("")
        line = [self.binary, *verb.split(), "--file", self.folder / "fleet.yaml", "--root", self.folder / "root", *words]
        with open(self.folder / "out", "w+") as out, open(self.folder / "err", "w+") as said:
            began = time.monotonic()
            child = subprocess.Popen([str(word) for word in line], stdout=out, stderr=said, env=environment)
            _, code, usage = os.wait4(child.pid, 0)
            took = time.monotonic() - began
            child.returncode = os.waitstatus_to_exitcode(code)
            out.seek(0), said.seek(0)
            text, words_said = out.read(), said.read()
        if child.returncode not in (0, 2) and not fails:
            sys.exit(f"ops/bench: error: {verb} exited {child.returncode}: {words_said[-800:]}")
        return text, took, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime

    def most_at_once(self):
        now = most = 0
        for mark in (self.ssh / "asked").read_text().split():
            now += 1 if mark == "+" else -1
            most = max(most, now)
        return most


def measure(simulation, rounds):
    misses, plans, busy, asks, memory, widths = [], [], [], [], [], []
    wanted = simulation.count * REPLICAS
    rig.say("fetching the release")
    simulation.convoy("releases fetch")
    for _ in range(rounds):
        text, took, most, worked = simulation.convoy("plan", "--json")
        plans.append(took)
        busy.append(worked)
        memory.append(most)
    misses += ["the plan has no changes"] * (not json.loads(text)["changes"])
    simulation.pretend(serves=True)
    (simulation.ssh / "slow").touch()
    for _ in range(rounds):
        text, took, most, _ = simulation.convoy("status", "--json")
        asks.append(took)
        memory.append(most)
        widths.append(simulation.most_at_once())
        seen = json.loads(text)
        misses += ["the status is not whole"] * (len(seen["instances"]) != wanted or not seen["converged"])
    silent = simulation.ssh / f"silent-{simulation.hosts[simulation.count // 2]}"
    silent.touch()
    text, hung, most, _ = simulation.convoy("status", "--json")
    silent.unlink()
    memory.append(most)
    seen = json.loads(text)
    away = [row["name"] for row in seen["hosts"] if not row["answers"]]
    misses += [f"away are {away}"] * (away != [silent.name.removeprefix("silent-")])
    misses += ["the others are not told"] * (len(seen["instances"]) != wanted - REPLICAS)
    figures = {
        "hosts": simulation.count, "instances": wanted, "planSeconds": round(sorted(plans)[len(plans) // 2], 3),
        "planProcessorSeconds": round(sorted(busy)[len(busy) // 2], 3),
        "statusSeconds": round(sorted(asks)[len(asks) // 2], 3), "silentSeconds": round(hung, 2),
        "mostAtOnce": max(widths), "memoryBytes": max(memory)}
    misses += [f"a plan took {figures['planSeconds']} s, {PLAN} are allowed"] * (figures["planSeconds"] >= PLAN)
    misses += [f"{max(widths)} hosts were asked at once, {WIDTH} are allowed"] * (max(widths) > WIDTH)
    misses += ["hosts were asked one after the other"] * (max(widths) < 2)
    misses += [f"with a silent host a status took {hung:.1f} s"] * (hung >= SILENCE)
    misses += [f"{max(memory) >> 20} MB were used, {MEMORY >> 20} are allowed"] * (max(memory) >= MEMORY)
    return figures | {"missed": misses}


def run(wishes):
    binary = rig.binary()
    hosts = 100 if wishes.hosts is None else wishes.hosts
    with tempfile.TemporaryDirectory(prefix="convoy-bench-") as folder:
        figures = measure(Simulation(pathlib.Path(folder), binary, hosts), wishes.rounds)
    print(f"\nA fleet of {hosts} pretended hosts with {REPLICAS} instances each\n")
    print(f"plan                          {figures['planSeconds']:7.3f} s (bound {PLAN})")
    print(f"  of processors               {figures['planProcessorSeconds']:7.3f} s")
    print(f"status                        {figures['statusSeconds']:7.3f} s, each host takes 0.1 s")
    print(f"status, one host silent       {figures['silentSeconds']:7.2f} s (bound {SILENCE})")
    print(f"hosts asked at once           {figures['mostAtOnce']:7} (bound {WIDTH})")
    print(f"most memory of the operator   {figures['memoryBytes'] / (1 << 20):7.1f} MB (bound {MEMORY >> 20})")
    for miss in figures["missed"]:
        print(f"MISSED: {miss}")
    return figures
