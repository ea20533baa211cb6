#!/usr/bin/env python3
"""kill -9 of instance, supervisor, gate and nginx master, each under load from 20 clients."""

import os
import signal
import threading
import time

import harness
from harness import LINK, alive, check, eventually, one_process, test

harness.parts.run_under("client")

import httpx

STATE = {}


def fleet(world):
    if "fleet" not in STATE:
        STATE["fleet"] = world.grafana()
        STATE["fleet"].up()
    return STATE["fleet"]


def load(fleet):
    return fleet.load("generate_deeplink", LINK, "/d/abc")


@test("kill -9 of one instance of three fails no call, and it is back and ready by itself")
def instance(world):
    ours = fleet(world)
    with load(ours) as summary:
        name, row = next(iter(ours.instances().items()))
        os.kill(row["pid"], signal.SIGKILL)
        back = lambda: (now := ours.instances()[name])["ready"] and now["pid"] != row["pid"] and now
        _, took = eventually(30, "the instance is back", back)
        time.sleep(0.5)
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")
    print(f"      ready again after {took:.2f} s", flush=True)


@test("kill -9 of the supervisor fails no call, and the next one adopts every instance with its pid")
def supervisor(world):
    ours = fleet(world)
    before = {name: row["pid"] for name, row in ours.instances().items()}
    with load(ours) as summary:
        os.kill(ours.status()["supervisor"]["pid"], signal.SIGKILL)
        time.sleep(1)
        ours.up()
        time.sleep(0.5)
    after = {name: row["pid"] for name, row in ours.instances().items()}
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")
    check(before == after, f"pids changed: {before} -> {after}")


class Intruder(threading.Thread):
    """Knocks without a token, and with a bad one, and remembers anybody who opened."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.over, self.admitted, self.knocks = url, threading.Event(), [], 0

    def run(self):
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        while not self.over.wait(0.005):
            for headers in ({}, {"Authorization": "Bearer e30.e30.e30"}):
                try:
                    answer = httpx.post(self.url, json=body, headers=headers, timeout=5, trust_env=False)
                except httpx.HTTPError:
                    continue
                self.knocks += 1
                if answer.status_code < 300:
                    self.admitted.append(answer.text[:100])


def knocker(fleet):
    """Asks with a good token, once; true when it was answered."""
    token = fleet.token_file().read_text().strip()
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "knock", "version": "1"}}}
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}

    def answered():
        try:
            return httpx.post(fleet.endpoint, json=body, headers=headers, timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    return answered


def kill_and_watch(world, what, wanted):
    ours = fleet(world)
    pid = one_process(world.root, wanted)
    intruder = Intruder(ours.endpoint)
    answered = knocker(ours)
    check(answered(), "the fleet does not answer before the fault")
    intruder.start()
    try:
        with load(ours):
            os.kill(pid, signal.SIGKILL)
            eventually(30, f"the {what} is dead", lambda: not alive(pid), every=0.001)
            found, took = eventually(30, f"the {what} answers again", lambda: one_or_none(world, wanted) and answered())
            time.sleep(0.5)
    finally:
        intruder.over.set()
        intruder.join(10)
    check(intruder.knocks > 0 and not intruder.admitted, f"let in without a token: {intruder.admitted[:3]}")
    print(f"      the {what} answers again after {took:.2f} s", flush=True)


def one_or_none(world, wanted):
    try:
        return one_process(world.root, wanted)
    except AssertionError:
        return None


@test("kill -9 of the gate: back by itself, nobody without a token is let in meanwhile")
def gate(world):
    kill_and_watch(world, "gate", is_gate)


def is_gate(words):
    return words.startswith(os.path.realpath(os.environ["CONVOY_BIN"]) + " gate ")


@test("the gate killed fifty times under load: no call fails, and nobody without a token is let in")
def fifty_gates(world):
    ours = fleet(world)
    intruder = Intruder(ours.endpoint)
    intruder.start()
    try:
        answered = knocker(ours)
        with load(ours) as summary:
            for _ in range(50):
                os.kill(one_process(world.root, is_gate), signal.SIGKILL)
                eventually(10, "another gate answers", answered)
    finally:
        intruder.over.set()
        intruder.join(10)
    check(intruder.knocks > 50 and not intruder.admitted, f"let in without a token: {intruder.admitted[:3]}")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


@test("kill -9 of the nginx master: back by itself, nobody without a token is let in meanwhile")
def edge(world):
    kill_and_watch(world, "edge", lambda words: "nginx: master" in words or words.split(" ")[0].endswith("/nginx"))


if __name__ == "__main__":
    harness.run(__doc__)
