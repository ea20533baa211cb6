"""One fleet over three hosts of the lab, and load upon all of them: what the suites of such fleets share.

    harness.parts.run_under("client")      # before this module
    world = FleetWorld(stack)              # for harness.run: bare hosts a, b and c
"""

import json
import os
import signal
import subprocess
import sys
import textwrap

import harness
from harness import check
from hosts import HOSTS, run
from ssh_fleet import NAME, BootstrapWorld

NAMES = ("a", "b", "c")
# The beginning and the end of a script of clients: each is a thread that calls until standard input ends.
EDGE = """
    import http.client, json, random, socket, ssl, sys, threading, time
    name, trust, token, *addresses = sys.argv[1:]
    context = ssl.create_default_context(cafile=trust)
    over, lock = threading.Event(), threading.Lock()
    class Edge(http.client.HTTPSConnection):
        def __init__(self, address, token=token):
            super().__init__(name, timeout=15)
            self.address, self.token = address, token
        def connect(self):
            self.sock = context.wrap_socket(socket.create_connection((self.address, 443), 5), server_hostname=name)
    def ask(edge, number, method, session, **parameters):
        headers = {"Authorization": "Bearer " + edge.token, "Content-Type": "application/json",
                   "Accept": "application/json, text/event-stream"}
        if session:
            headers |= {"Mcp-Session-Id": session, "MCP-Protocol-Version": "2025-11-25"}
        edge.request("POST", "/analytics/mcp", json.dumps(
            {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}), headers)
        answer = edge.getresponse()
        answer.text = answer.read().decode()
        if answer.getheader("Connection") == "close": edge.close()
        return answer
    def initialize(edge, number):
        answer = ask(edge, number, "initialize", None, protocolVersion="2025-11-25", capabilities={},
                     clientInfo={"name": "test", "version": "1"})
        # This server has sessions in some versions only.
        return answer, answer.getheader("Mcp-Session-Id")
    def run(client, places, told):
        threads = [threading.Thread(target=client, args=(place,)) for place in places]
        for thread in threads: thread.start()
        print("calling", flush=True)
        sys.stdin.read()
        over.set()
        for thread in threads: thread.join()
        print(json.dumps(told))
    """
# Clients of every host: sessions are opened anew where theirs has ended with a 404.
LOAD = EDGE + """
    told = {"calls": 0, "sessions": 0, "faults": []}
    def client(address):
        edge, session, is_open, number = Edge(address), None, False, 0
        while not over.is_set():
            number += 1
            try:
                if not is_open:
                    answer, session = initialize(edge, number)
                    status = answer.status
                    with lock:
                        told["sessions"] += 1
                        if status != 200: told["faults"].append([time.time(), address, "initialize", status])
                    is_open = status == 200
                    continue
                status = ask(edge, number, "tools/list", session).status
                with lock:
                    told["calls"] += 1
                    if status not in (200, 404): told["faults"].append([time.time(), address, "call", status])
                if status == 404: is_open = False
            except Exception as error:
                with lock: told["faults"].append([time.time(), address, "wire", repr(error)])
                edge.close()
            time.sleep(random.uniform(0.02, 0.08))
    run(client, [address for address in addresses for _ in range(3)], told)
    """


class FleetWorld(BootstrapWorld):
    """Bare hosts, three by default, which one bootstrap makes one fleet."""

    def __init__(self, stack, names=NAMES):
        super().__init__(stack, names)
        self.names = names
        self.fleet = self.both

    def words(self, *words):
        return ["env", "PIP_NO_INDEX=1", f"PIP_FIND_LINKS={harness.parts.PARTS / 'wheels'}",
                f"CONVOY_SSH_CONFIG={self.config}", os.environ["CONVOY_BIN"], *words, "--file", self.fleet,
                "--root", self.root]

    def convoy(self, *words, code=0, seconds=240):
        done = self.lab.net(*self.words(*words), fails=True, seconds=seconds)
        check(done.returncode == code, f"{words}: exit {done.returncode}, not {code}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        return done

    def status(self):
        text = self.convoy("status", "--json").stdout
        done = run(harness.parts.python("lint"), harness.OPS / "schemas/validate.py", "status", input=text, fails=True)
        check(done.returncode == 0, f"the status does not fit its schema: {done.both}")
        return json.loads(text)

    def of(self, host):
        """As the host's own supervisor says, whoever can reach it."""
        return json.loads(self.lab.inside(host, "convoy", "status", "--json", "--root", "/").stdout)

    def serving(self, host):
        """What new traffic meets there; None: nobody."""
        shares = [share["generation"] for share in self.of(host)["trafficShare"]]
        return shares[0] if shares else None

    def flips(self, generation):
        """When each host said that it serves the generation."""
        found = []
        for host in self.names:
            text = self.lab.inside(host, "journalctl", "-o", "json", "--no-pager", "-u", "convoy-supervisor").stdout
            rows = [json.loads(line) for line in text.splitlines()]
            times = [int(row["__REALTIME_TIMESTAMP"]) / 1e6 for row in rows
                     if row.get("MESSAGE") == f"generation {generation} serves"]
            check(times, f"{host} never flipped to {generation}")
            found.append(times[-1])
        return found

    def load(self, script=LOAD, token=None):
        rows = self.lab.rows()
        words = [HOSTS, "--lab", self.lab.folder, "net", "--", sys.executable, "-c", textwrap.dedent(script),
                 NAME, self.folder / "tls/edge.pem", token or self.token, *[rows[host]["ip"] for host in self.names]]
        clients = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check(clients.stdout.readline() == "calling\n", "no load")
        return clients

    def cut_at(self, step, host, *words, mark="intent"):
        """Runs a verb, and cuts the host's wire when the journal names the step: the operator stands still meanwhile,
        however long that takes. Its exit code and words."""
        line = [str(word) for word in [HOSTS, "--lab", self.lab.folder, "net", "--", *self.words(*words, "--events")]]
        operator = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            for text in operator.stdout:
                event = json.loads(text)
                if event["step"] == step and event["mark"] == mark:
                    operator.send_signal(signal.SIGSTOP)
                    self.lab.hosts("ctl", host, "cut")
                    operator.send_signal(signal.SIGCONT)
                    break
            told, said = operator.communicate(timeout=240)
        finally:
            operator.kill()
            operator.wait()
        return operator.returncode, said


def whole(world, version, generation=None):
    status = world.status()
    check(status["converged"] and len(status["instances"]) == 3 * len(world.names), f"not whole: {json.dumps(status)[:1500]}")
    check({row["version"] for row in status["instances"]} == {version}, f"other versions: {status['instances']}")
    check({row["host"] for row in status["instances"]} == set(world.names), "not every host has some")
    check(len({row["generation"] for row in status["hosts"]}) == 1, f"{status['hosts']}")
    for host in world.names:
        world.must_serve(host)
    return status["generation"]
