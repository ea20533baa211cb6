#!/usr/bin/env python3
"""The only host of a fleet is cordoned, drained and uncordoned, with sessions open."""

import http.client
import json
import os
import signal
import subprocess
import urllib.parse

import harness
from harness import check, eventually, one_process, test

STATE = {}


class Client:
    """One session of the era that has them."""

    def __init__(self, fleet):
        self.url, self.token = urllib.parse.urlsplit(fleet.endpoint), fleet.token_file().read_text().strip()
        self.session = None

    def ask(self, method, **parameters):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json",
                   "Accept": "application/json, text/event-stream"}
        if self.session:
            headers |= {"Mcp-Session-Id": self.session, "MCP-Protocol-Version": "2025-11-25"}
        edge = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=15)
        edge.request("POST", self.url.path, json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}), headers)
        answer = edge.getresponse()
        answer.read()
        edge.close()
        return answer

    def open(self):
        answer = self.ask("initialize", protocolVersion="2025-11-25", capabilities={},
                          clientInfo={"name": "test", "version": "1"})
        if answer.status == 200:
            self.session = answer.getheader("Mcp-Session-Id")
            check(self.session, "no session")
        return answer

    def call(self):
        return self.ask("tools/list").status


def fleet(world):
    if "fleet" not in STATE:
        STATE["fleet"] = world.documentdb()
        STATE["fleet"].up()
    return STATE["fleet"]


def change(ours, *words):
    text = ours.convoy(*words, "--json").stdout
    done = subprocess.run([harness.parts.python("lint"), harness.OPS / "schemas/validate.py", "host"], input=text,
                          text=True, capture_output=True)
    check(done.returncode == 0, f"the answer does not fit its schema: {done.stdout}{done.stderr}")
    return json.loads(text)


@test("the only host is cordoned by force only")
def refused(world):
    done = fleet(world).convoy("cordon", "local", fails=True)
    check(done.returncode == 1 and "only host" in done.stderr, f"exit {done.returncode}: {done.stderr}")
    done = fleet(world).convoy("drain", "web-9", fails=True)
    check(done.returncode == 64, f"exit {done.returncode}: {done.stderr}")


@test("cordoned, sessions go on and what is new meets 503 with Retry-After; a killed supervisor changes nothing")
def cordon(world):
    ours, old = fleet(world), Client(fleet(world))
    check(old.open().status == 200 and old.call() == 200, "no session")
    check(change(ours, "cordon", "local", "--force")["door"] == "cordoned", "not cordoned")
    refusal = Client(ours).open()
    check(refusal.status == 503 and refusal.getheader("Retry-After"), f"a new session met {refusal.status}")
    check(old.call() == 200, "the session does not go on")
    pid = one_process(world.root, lambda words: " supervise" in words)
    os.kill(pid, signal.SIGKILL)
    ours.convoy("up")
    check("cordoned: no new sessions" in ours.convoy("status").stdout, ours.convoy("status").stdout)
    check(old.call() == 200 and Client(ours).open().status == 503, "another door than before")
    check(ours.status()["converged"], "not converged")
    STATE["old"] = old


@test("uncordoned, everybody is served")
def uncordon(world):
    check(change(fleet(world), "uncordon", "local")["door"] == "open", "not open")
    check(Client(fleet(world)).open().status == 200 and STATE["old"].call() == 200, "not served")


@test("drained, the session that is left is cut at the deadline, and all instances run on")
def drain(world):
    ours = fleet(world)
    before = {name: row["pid"] for name, row in ours.instances().items()}
    report = change(ours, "drain", "local", "--deadline", "2s", "--force")
    check(report["door"] == "drained" and report["drained"]["cut"] >= 1, f"{report}")
    check(STATE["old"].call() == 503 and Client(ours).open().status == 503, "somebody is served")
    check({name: row["pid"] for name, row in ours.instances().items()} == before, "instances were touched")
    change(ours, "uncordon", "local")
    eventually(5, "served again", lambda: Client(ours).open().status == 200)
    check(STATE["old"].call() == 200, "its session is gone")


if __name__ == "__main__":
    harness.run(__doc__)
