"""The gate alone, on its unix socket."""

import os
import socket
import statistics
import subprocess
import time

from . import rig

MILLION = 1_000_000


def headers(token):
    return {"X-Convoy-Pool": "analytics", "X-Convoy-Method": "POST", "X-Request-Id": "bench",
            "X-Convoy-Client": "127.0.0.1", "Authorization": f"Bearer {token}"}


def paced(bench, rate, seconds):
    """Latencies in microseconds at a steady rate over 8 connections."""
    log = bench.folder / "h2load.log"
    log.unlink(missing_ok=True)
    flags = [f"--header={name}: {value}" for name, value in headers(bench.token).items()]
    subprocess.run(["h2load", "--h1", "-t1", "-c8", f"--rps={rate / 8:g}", f"-D{seconds:g}",
                    f"--base-uri=unix:{bench.gate_socket()}", f"--log-file={log}", *flags, "http://gate/authorize"],
                   check=True, stdout=subprocess.DEVNULL)
    rows = [line.split() for line in log.read_text().splitlines()]
    wrong = sum(row[1] != "204" for row in rows)
    if wrong or not rows:
        raise RuntimeError(f"{wrong} of {len(rows)} decisions were not 204")
    return sorted(int(row[2]) for row in rows)


def ask(bench, tokens):
    """Sends one request per token, a hundred at a time on one connection; counts answers by their status."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(bench.gate_socket()))
    seen = {}
    rest = b""
    for batch in batches(tokens, 100):
        text = "".join(
            "GET /authorize HTTP/1.1\r\nHost: gate\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in headers(token).items()) + "\r\n" for token in batch)
        connection.sendall(text.encode())
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
    p50, p99 = (statistics.median(row[int(len(row) * share)] for row in rounds) for share in (0.5, 0.99))
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
    print(f"resident memory          {before:.1f} MB; after 1e6 distinct bad tokens {after_bad:.1f} MB "
          f"({MILLION / seconds:,.0f}/s);\n                         after 1e6 good ones {after_good:.1f} MB")
    return {"p50Microseconds": p50, "p99Microseconds": p99, "residentMB": before,
            "residentAfterBadMB": after_bad, "residentAfterGoodMB": after_good, "cores": os.cpu_count()}
