"""One small authenticated POST through each contender."""

import re
import statistics
import subprocess
import urllib.error
import urllib.request

from . import rig

SAME, HAPROXY = "same nginx, only proxying", "HAProxy, jwt_verify"
YES = "same nginx, asking a yes"
BARE, DIRECT = "bare nginx, proxying", "the backend itself"
UNITS = {"us": 0.001, "ms": 1, "s": 1000}


def wrk(bench, port, seconds, connections):
    """Requests per second and median latency in ms. Every answer must be a 200."""
    script = bench.folder / "post.lua"
    script.write_text(f"""wrk.method = "POST"
wrk.body = [[{rig.BODY}]]
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
wrk.headers["Host"] = "127.0.0.1:{bench.edge_port}"
wrk.headers["Authorization"] = "Bearer {bench.token}"
wrk.headers["MCP-Protocol-Version"] = "2026-07-28"
wrk.headers["Mcp-Method"] = "tools/call"
wrk.headers["Mcp-Name"] = "find"
""")
    url = f"http://127.0.0.1:{port}{rig.AUDIENCE_PATH}"
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", script, url],
                          check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in done or "Socket errors" in done:
        raise RuntimeError(f"port {port} did not answer every request: {done}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done).group(1))
    value, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", done).groups()
    return rate, float(value) * UNITS[unit]


def status(port, bench, token):
    """What an answer to this token is; contenders that admit everybody are no contenders."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{rig.AUDIENCE_PATH}", data=rig.BODY.encode(), method="POST",
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}",
                 "Host": f"127.0.0.1:{bench.edge_port}"})
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code


def run(bench, wishes):
    _, ours = bench.our_edge(bench.backend_port)
    _, same = bench.our_edge(bench.backend_port, keep="-proxying", asks=False)
    ports = {SAME: same, "convoy": ours, HAPROXY: bench.haproxy(bench.backend_port),
             YES: bench.yes(bench.backend_port), BARE: bench.plain(bench.backend_port)}
    spoilt = bench.token[:-8] + "AAAAAAAA"
    for name, port in ports.items():
        expected = 200 if name in (SAME, YES, BARE) else 401
        for token, wanted in ((bench.token, 200), (spoilt, expected)):
            seen = status(port, bench, token)
            if seen != wanted:
                raise RuntimeError(f"{name} answers {seen}, not {wanted}")
    ports[DIRECT] = bench.backend_port
    rates, latencies = {name: [] for name in ports}, {name: [] for name in ports}
    for number in range(wishes.rounds):
        for name, port in ports.items():
            rig.say(f"round {number + 1} of {wishes.rounds}: {name}")
            rates[name].append(wrk(bench, port, wishes.seconds, 8)[0])
            latencies[name].append(wrk(bench, port, wishes.seconds, 1)[1])
    return report(rates, latencies)


def report(rates, latencies):
    ratio = {name: statistics.median(a / b for a, b in zip(rates[name], rates[SAME])) for name in rates}
    added = {name: statistics.median(a - b for a, b in zip(latencies[name], latencies[DIRECT])) for name in rates}
    print("\nAn authenticated POST of the modern era; one worker and an access log each; 8 connections, latency with 1\n")
    print(f"{'':<26} {'requests/s':>11} {'ratio':>6} {'added p50':>11}")
    for name in rates:
        print(f"{name:<26} {statistics.median(rates[name]):>11,.0f} {ratio[name]:>6.2f} {added[name]:>8.3f} ms")
    versus = statistics.median(a / b for a, b in zip(rates["convoy"], rates[HAPROXY]))
    print(f"\nconvoy / HAProxy: {versus:.2f}")
    return {"requestsPerSecond": {name: statistics.median(values) for name, values in rates.items()},
            "relativeToProxying": ratio, "addedMilliseconds": added, "convoyToHAProxy": versus}
