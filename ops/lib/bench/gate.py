"""The gate alone, on its unix socket."""

import gc
import os
import random
import socket
import statistics
import time

from . import rig

MILLION = 1_000_000


def headers(token):
    return {"X-Convoy-Pool": "analytics", "X-Convoy-Method": "POST", "X-Request-Id": "bench",
            "X-Convoy-Client": "127.0.0.1", "Authorization": f"Bearer {token}"}


def paced(bench, rate, seconds):
    """Latencies in microseconds of requests that arrive as from many clients who know nothing of each other:
    at random (Poisson), `rate` a second on average, over 8 connections in turn: two sorted lists, from when
    each was sent, and from when it was due, in which waits behind the one before are, and all that holds up this
    generator itself. One that wakes all its connections by one timer would measure the bursts that it makes."""
    connections = [connect(bench) for _ in range(8)]
    question = request(bench.token)
    dice = random.Random(1)
    took, late = [], []
    gc.disable()
    due = time.perf_counter()
    end = due + seconds
    while due < end:
        connection = connections[len(took) % 8]
        while time.perf_counter() < due:
            pass
        sent = time.perf_counter()
        connection.sendall(question)
        answer = connection.recv(4096)
        now = time.perf_counter()
        took.append((now - sent) * 1e6)
        late.append((now - due) * 1e6)
        if not answer.startswith(b"HTTP/1.1 204 ") or not answer.endswith(b"\r\n\r\n"):
            raise RuntimeError(f"not a decision of 204: {answer[:80]!r}")
        due += dice.expovariate(rate)
    gc.enable()
    for connection in connections:
        connection.close()
    return sorted(took), sorted(late)


def connect(bench):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(bench.gate_socket()))
    return connection


def request(token):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers(token).items())
    return f"GET /authorize HTTP/1.1\r\nHost: gate\r\n{lines}\r\n".encode()


def ask(bench, tokens):
    """Sends one request per token, a hundred at a time on one connection; counts answers by their status."""
    connection = connect(bench)
    seen = {}
    rest = b""
    for batch in batches(tokens, 100):
        connection.sendall(b"".join(request(token) for token in batch))
        missing = len(batch)
        while missing:
            chunk = connection.recv(1 << 18)
            if not chunk:
                raise RuntimeError("the gate closed the connection")
            *heads, rest = (rest + chunk).split(b"\r\n\r\n")
            for head in heads:
                status = head[9:12].decode()
                seen[status] = seen.get(status, 0) + 1
            missing -= len(heads)
    connection.close()
    return seen


def batches(items, size):
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def distinct(token, count):
    """As many tokens as wished with a right shape and a wrong signature, no two alike."""
    head, payload, signature = token.split(".")
    for number in range(count):
        yield f"{head}.{payload}.{rig.base64url(number.to_bytes(8, 'big') * (len(signature) * 3 // 32))}"


def run(bench, wishes):
    rounds = []
    for number in range(wishes.rounds):
        rig.say(f"round {number + 1} of {wishes.rounds}: 5,000 decisions a second")
        rounds.append(paced(bench, 5000, wishes.seconds))
    p50, p99, due50, due99 = (statistics.median(row[kind][int(len(row[kind]) * share)] for row in rounds)
                              for kind in (0, 1) for share in (0.5, 0.99))
    pid = bench.gate_pid()
    before = rig.resident(pid)
    rig.say("a million distinct bad tokens")
    began = time.monotonic()
    refused = ask(bench, distinct(bench.token, MILLION))
    seconds = time.monotonic() - began
    after_bad = rig.resident(pid)
    rig.say("a million good ones")
    admitted = ask(bench, (bench.token for _ in range(MILLION)))
    after_good = rig.resident(pid)
    if set(refused) != {"401"} or set(admitted) != {"204"}:
        raise RuntimeError(f"bad tokens: {refused}, good ones: {admitted}")
    print("\nThe gate alone\n")
    print(f"decision at 5,000/s      p50 {p50:.0f} us, p99 {p99:.0f} us")
    print(f"  from when it was due   p50 {due50:.0f} us, p99 {due99:.0f} us")
    print(f"resident memory          {before:.1f} MB; after 1e6 distinct bad tokens {after_bad:.1f} MB "
          f"({MILLION / seconds:,.0f}/s);\n                         after 1e6 good ones {after_good:.1f} MB")
    return {"p50Microseconds": p50, "p99Microseconds": p99, "duePercentiles": [due50, due99], "residentMB": before,
            "residentAfterBadMB": after_bad, "residentAfterGoodMB": after_good, "cores": os.cpu_count()}
