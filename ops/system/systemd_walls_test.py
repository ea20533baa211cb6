#!/usr/bin/env python3
"""What an instance's unit keeps in, and what other users of the host can't read: each by an attempt."""

import json
import re

import harness
import own_release
from harness import check, eventually, test
from hosts import KNOCK, SUBNET
from systemd_host import FOLDER, HostFleet, World

SPEC = """\
fleet: shop
server: {profile: ./secretive.yaml, release: "path:./secretive@1.0.0"}
health: {interval: 500ms}
pools:
  analytics: {replicas: 2, scope: "mcp:analytics"}
  other: {replicas: 1, scope: "mcp:other"}
edge: {url: "http://127.0.0.1:8080", authorization: development}
rollout: {bake: 1s, drain: 2s, deadline: 2m}
"""
# The kernel's, private ones, and those that units name.
OWN_MOUNTS = ("/proc", "/sys", "/dev", "/tmp", "/var/tmp", "/run/convoy", "/etc/convoy", "/etc/systemd/system",
              "/var/lib/convoy", "/var/lib/private", "/run/host")
INSTANCE = "convoy-instance-analytics-1-g1.service"
PROBE = "convoy-instance-probe-1-g1.service"


class Walls(World):
    def __init__(self, stack):
        super().__init__(stack)
        lab = self.lab
        lab.inside("a", "mkdir", "-p", f"{FOLDER}/secretive")
        lab.write("a", f"{FOLDER}/secretive/server", own_release.server())
        lab.write("a", f"{FOLDER}/secretive.yaml", own_release.profile("secretive", secret=True))
        lab.inside("a", "chmod", "755", f"{FOLDER}/secretive/server")
        self.fleet = HostFleet(self, SPEC)


@test("a fleet of a profile and a release of its own comes up, its servers insisting on a secret")
def up(world):
    world.fleet.convoy("up", "--backend", "systemd")
    check(len(world.fleet.units()) == 3, f"{world.fleet.units()}")
    world.secrets = secrets(world)
    check(len(world.secrets) == 2, f"expected a secret of each pool, found {len(world.secrets)}")
    lab, port = world.lab, world.fleet.instances()["analytics-1-g1"]["port"]
    code = lab.inside("a", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", "{}",
                      f"http://127.0.0.1:{port}/mcp").stdout
    check(code == "403", f"without the secret the server answered {code}")


def secrets(world):
    """What root finds in the instances' environments."""
    found = set()
    for unit, pid in world.fleet.units().items():
        text = world.lab.inside("a", "cat", f"/proc/{pid}/environ").stdout
        line = next((line for line in text.split("\0") if line.startswith("SERVER_HEADERS=")), "=[]")
        found |= set(json.loads(line.split("=", 1)[1]).values()) if "{" in line else set()
    return found


ATTEMPT = """
    import glob, json, os, socket, subprocess, sys
    wanted = json.loads(sys.argv[1])
    def knock(address, port):
        socket.create_connection((address, port), 1).close()
    def send(address, port):
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (address, port))
    def speak(path):
        socket.socket(socket.AF_UNIX).connect(path)
    def read(path):
        for place in glob.glob(path, recursive=True) or [path]:
            open(place, "rb").read(1)
    def look(path):
        if not os.listdir(path):
            raise FileNotFoundError("empty")
    def write(folder):
        with open(folder + "/attempt", "w") as file:
            file.write("x")
    def execute(folder):
        place = folder + "/attempt.sh"
        with open(place, "w") as file:
            file.write("#!/bin/sh\\n")
        os.chmod(place, 0o700)
        subprocess.run([place], check=True)
    def share(_):
        # The host's own has this file; one that is private, or none, is as good.
        read("/dev/shm/probe")
    def kill(pid):
        os.kill(int(pid), 0)
    def unshare(_):
        subprocess.run(["unshare", "--user", "true"], check=True, capture_output=True)
    def writable(_):
        found = []
        for folder, below, _ in os.walk("/"):
            below[:] = [name for name in below if not os.path.islink(os.path.join(folder, name))]
            if folder.startswith(("/proc", "/sys")):
                below.clear()
            elif os.access(folder, os.W_OK):
                found.append(folder)
        print(json.dumps(found))
    answers = {}
    for name, (verb, *words) in wanted.items():
        try:
            globals()[verb](*words)
            answers[name] = "done"
        except Exception as error:
            answers[name] = "refused: " + repr(error)
    print(json.dumps(answers))
    """


def attempts(world):
    """Sentence, attempt, whether it must succeed: all are made at once, by a copy of an instance's unit."""
    ports = {name: row["port"] for name, row in world.fleet.instances().items()}
    pid = world.fleet.pid(INSTANCE)
    own = "/var/lib/private/convoy/instances/probe-1-g1"
    refused = {
        "a neighbour's nginx": ["knock", SUBNET + "12", 80],
        "a neighbour by a datagram": ["send", SUBNET + "12", 53],
        "its own host's ssh from the network's side": ["knock", SUBNET + "11", 22],
        "another instance of its pool": ["knock", "127.0.0.1", ports["analytics-1-g1"]],
        "an instance of another pool": ["knock", "127.0.0.1", ports["other-1-g1"]],
        "the control socket": ["speak", "/run/convoy/control.sock"],
        "the gate's socket": ["speak", "/run/convoy/gate.sock"],
        "the system's message bus": ["speak", "/run/dbus/system_bus_socket"],
        "systemd's private socket": ["speak", "/run/systemd/private"],
        "the folder of Convoy's sockets": ["look", "/run/convoy"],
        "another instance's credential in memory": ["read", f"/run/credentials/{INSTANCE}/environment"],
        "the folder of another instance's credentials": ["look", f"/run/credentials/{INSTANCE}"],
        "another instance's environment": ["read", f"/proc/{pid}/environ"],
        "a signal to another instance": ["kill", pid],
        "another instance's directory": ["look", "/var/lib/private/convoy/instances/analytics-1-g1"],
        "the link to another instance's directory": ["look", "/var/lib/convoy/instances/analytics-1-g1"],
        "Convoy's secrets": ["look", "/var/lib/convoy/secrets"],
        "the issuer's key": ["read", "/var/lib/convoy/issuer/key.pem"],
        "the store of generations": ["look", "/var/lib/convoy/generations"],
        "Convoy's configuration": ["look", "/etc/convoy"],
        "the gate's policy": ["read", "/etc/convoy/gate/policy.json"],
        "/home": ["look", "/home"],
        "/root": ["look", "/root"],
        "/etc/shadow": ["read", "/etc/shadow"],
        "the host's ssh keys": ["look", "/etc/ssh"],
        "the journal": ["read", "/var/log/journal/**/*.journal"],
        "to write into /etc": ["write", "/etc"],
        "to write into /usr": ["write", "/usr/bin"],
        "to write into /run": ["write", "/run"],
        "to write into /run/lock, which is everybody's": ["write", "/run/lock"],
        "to write where the host's /dev/shm would show it": ["share", ""],
        "to execute what it wrote to /dev/shm": ["execute", "/dev/shm"],
        "to write into /var/lib": ["write", "/var/lib"],
        "to write into its release": ["write", world.release],
        "to execute what it wrote to its state": ["execute", own + "/state"],
        "to execute what it wrote to /tmp": ["execute", "/tmp"],
        "a user namespace": ["unshare", ""],
    }
    allowed = {
        "its own state": ["write", own + "/state"],
        "its own log": ["write", own + "/log"],
        "a /tmp of its own": ["write", "/tmp"],
        "its edge's port": ["knock", "127.0.0.1", 8080],
        "its release": ["look", world.release],
    }
    return refused, allowed


def probe(world):
    """A copy of an instance's unit, as another instance would be, that makes the attempts instead of serving."""
    lab = world.lab
    text = lab.inside("a", "cat", f"/etc/systemd/system/{INSTANCE}").stdout
    world.release = re.search(r"^BindReadOnlyPaths=(\S+)", text, re.M)[1]
    credential = re.search(r"^LoadCredential.*$", text, re.M)[0]
    refused, allowed = attempts(world)
    lab.inside("a", "mkdir", "-p", "/usr/local/lib/probe", "/home/someone/there")
    lab.inside("a", "sh", "-c", "echo hidden | tee /home/someone/there/x > /dev/shm/probe; "
               "chmod 755 /home /home/someone /dev/shm/probe")
    lab.write("a", "/usr/local/lib/probe/attempt.py", ATTEMPT)
    lab.write("a", "/usr/local/lib/probe/wanted.json", json.dumps({**refused, **allowed, "all": ["writable", ""]}))
    copy = text.replace("analytics-1-g1", "probe-1-g1").replace("Restart=always", "Restart=no")
    copy = re.sub(r"^LoadCredential.*$", lambda _: credential, copy, flags=re.M)
    copy = re.sub(r"^Type=exec$", "Type=oneshot", copy, flags=re.M)
    copy = re.sub(r"^ExecStart=.*$", 'ExecStart=/bin/sh -c \'exec /usr/bin/python3 /usr/local/lib/probe/attempt.py '
                  '"$(cat /usr/local/lib/probe/wanted.json)"\'', copy, flags=re.M)
    copy = re.sub(r"^StandardOutput=.*$", "StandardOutput=truncate:/run/probe.out", copy, flags=re.M)
    lab.write("a", f"/run/systemd/system/{PROBE}", copy)
    lab.inside("a", "systemctl", "daemon-reload")
    lab.inside("a", "systemctl", "start", PROBE)
    writable, answers = map(json.loads, lab.inside("a", "cat", "/run/probe.out").stdout.splitlines()[-2:])
    return refused, allowed, writable, answers


STATE = {}


def judged(world):
    if not STATE:
        # Should it fail, then once: the tests after it say only that there are no answers.
        STATE["answers"] = None
        STATE["refused"], STATE["allowed"], STATE["writable"], STATE["answers"] = probe(world)
    check(STATE["answers"], "the attempts could not be made")
    return STATE


@test("from inside an instance's sandbox: its own directories, its release and the edge are there")
def inside_allowed(world):
    state = judged(world)
    wrong = {name: state["answers"][name] for name in state["allowed"] if state["answers"][name] != "done"}
    check(not wrong, f"{wrong}")


def register(name):
    @test(f"from inside an instance's sandbox: refused is {name}")
    def attempt(world):
        answer = judged(world)["answers"][name]
        check(answer.startswith("refused"), f"{name}: {answer}")


class AnyWorld:
    """Names of attempts are needed before there is a host."""
    release = ""

    class fleet:
        @staticmethod
        def instances():
            return {name: {"port": 0} for name in ("analytics-1-g1", "other-1-g1")}

        @staticmethod
        def pid(_):
            return 0


for sentence in attempts(AnyWorld)[0]:
    register(sentence)


@test("from inside an instance's sandbox: no directory can be written but its own and its private /tmp")
def inside_writable(world):
    own = ("/var/lib/private/convoy/instances/probe-1-g1/", "/tmp", "/var/tmp")
    # Both are its own kernel's or its own; what is in /dev/shm is asked above.
    spared = ("/dev/mqueue", "/dev/shm")
    wrong = [folder for folder in judged(world)["writable"] if not folder.startswith(own) and folder not in spared]
    check(not wrong, f"it could write into {wrong}")


@test("for no unit of Convoy's is more of the host mounted to be written than its own directories, not even as root")
def mounts(world):
    wrong = {}
    for unit, pid in world.fleet.units("convoy-*").items():
        if not pid or unit.endswith((".socket", ".slice")):
            continue
        rows = world.lab.inside("a", "cat", f"/proc/{pid}/mountinfo").stdout.splitlines()
        # Of several at one place the last is seen.
        seen = {row.split()[4]: row.split()[5].split(",") for row in rows}
        writable = [place for place, flags in seen.items() if "rw" in flags and not place.startswith(OWN_MOUNTS)]
        wrong.update({unit: sorted(writable)} if writable else {})
    check(not wrong, f"{wrong}")


@test("the attempts are real: root, outside of the sandbox, succeeds with each that is no matter of rights")
def outside(world):
    lab, ports = world.lab, world.fleet.instances()
    for address, port in ((SUBNET + "12", 80), (SUBNET + "11", 22), ("127.0.0.1", ports["other-1-g1"]["port"])):
        answer = lab.inside("a", "/usr/bin/python3", "-c", KNOCK, address, str(port)).stdout
        check("open" in answer, f"{address}:{port} is {answer}")
    for path in (f"/run/credentials/{INSTANCE}/environment", "/run/convoy/control.sock", "/home/someone/there/x",
                 "/var/lib/convoy/issuer/key.pem", "/etc/convoy/gate/policy.json", "/run/dbus/system_bus_socket"):
        check(lab.inside("a", "test", "-e", path, fails=True).returncode == 0, f"there is no {path}")


@test("instances' ports are shut for other users of the host, and from the network")
def ports(world):
    lab, found = world.lab, world.fleet.instances()
    check(len(found) == 3, f"instances: {sorted(found)}")
    for name, row in found.items():
        knock = ["/usr/bin/python3", "-c", KNOCK, "127.0.0.1", str(row["port"])]
        check("open" in lab.inside("a", *knock).stdout, f"{name}: shut for root")
        check("shut" in lab.inside("a", "setpriv", "--reuid=65534", "--clear-groups", *knock).stdout, f"{name}: nobody")
        knock[3] = SUBNET + "11"
        check("shut" in lab.net(*knock).stdout, f"{name}: open from the network")


@test("no secret is in systemctl show, a unit file, the journal, a command line, or a file that others may read")
def leaks(world):
    lab, wanted = world.lab, getattr(world, "secrets", None)
    check(wanted, "there is no secret to look for")
    shown = {"systemctl show": lab.inside("a", "systemctl", "show", "convoy-*", "--all").stdout,
             "systemctl cat": lab.inside("a", "systemctl", "cat", "convoy-*").stdout,
             "the journal": lab.hosts("journal", "a", "-o", "export").stdout,
             "convoy status": world.fleet.convoy("status", "--json").stdout,
             "convoy logs": world.fleet.convoy("logs").both, "convoy plan": world.fleet.convoy("plan").both,
             "ps": lab.inside("a", "ps", "-eo", "args").stdout}
    leaks = [where for where, text in shown.items() if any(secret in text for secret in wanted)]
    check(not leaks, f"a secret is in {leaks}")
    for secret in wanted:
        line = f"grep -rlsFe '{secret}' /etc /run /var/lib /var/log /tmp /root --exclude-dir=journal"
        found = lab.inside("a", "sh", "-c", line, fails=True).stdout.split()
        check(any(path.startswith("/var/lib/convoy/secrets/") for path in found), f"not even root finds it: {found}")
        bad = [path for path in found if others_may_read(lab, path) or path.startswith("/etc/systemd")]
        check(not bad, f"a secret is in {bad}")


# Asks once with a token that was planted, once with a good one.
ASK = """
    import http.client, json
    def ask(token):
        asked = http.client.HTTPConnection("127.0.0.1", 8080, timeout=5)
        body = {{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {{}}}}
        asked.request("POST", "/analytics/mcp", json.dumps(body), {{
            "Authorization": "Bearer " + token, "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream"}})
        answer = asked.getresponse()
        answer.read()
        return answer.status
    print(json.dumps([ask({planted!r}), ask({good!r})]))
    """


@test("each decision of the gate is an entry of the journal with fields of its own, and never a token")
def audit(world):
    lab, fleet = world.lab, world.fleet
    good = open(fleet.token_file()).read().strip()
    head, body, signature = good.split(".")
    planted = ".".join([head, body, "planted" + signature[7:]])
    statuses = fleet.script(ASK.format(planted=planted, good=good))
    check(statuses[0] == 401 and statuses[1] not in (401, 403), f"{statuses}")

    def found(*matches):
        lab.inside("a", "journalctl", "--sync")
        rows = lab.inside("a", "journalctl", "-o", "json", "_SYSTEMD_UNIT=convoy-gate.service", *matches).stdout
        return [json.loads(row) for row in rows.splitlines()]

    refused, _ = eventually(5, "the refusal", lambda: found("CONVOY_DECISION=401", "CONVOY_POOL=analytics"))
    admitted, _ = eventually(5, "the admission", lambda: found("CONVOY_SUBJECT=developer", "CONVOY_DECISION=204"))
    for row, priority in ((refused[-1], "5"), (admitted[-1], "6")):
        check(row["PRIORITY"] == priority and row["CONVOY_REQUEST_ID"], f"{row}")
        check(json.loads(row["MESSAGE"])["requestId"] == row["CONVOY_REQUEST_ID"], f"{row}")
    check(refused[-1]["CONVOY_REASON"], f"{refused[-1]}")
    told = fleet.convoy("logs", "gate").stdout
    check(f'"requestId":"{refused[-1]["CONVOY_REQUEST_ID"]}"' in told, f"convoy logs gate: {told[-800:]}")
    journal = lab.hosts("journal", "a", "-o", "export").stdout + told
    for part in (planted, good, signature[7:], body, signature):
        check(part not in journal, "a token, or a part of one, is in the journal")


def others_may_read(lab, path):
    return lab.inside("a", "setpriv", "--reuid=65534", "--clear-groups", "cat", path, fails=True).returncode == 0


@test("another user of the host can read no instance's environment, and no credential")
def environments(world):
    lab, units = world.lab, world.fleet.units("convoy-*")
    check(INSTANCE in units, f"units: {sorted(units)}")
    for unit, pid in units.items():
        done = lab.inside("a", "setpriv", "--reuid=65534", "--clear-groups", "cat", f"/proc/{pid}/environ", fails=True)
        check(pid == 0 or done.returncode != 0, f"{unit}: the environment is readable")
    done = lab.inside("a", "setpriv", "--reuid=65534", "--clear-groups", "find", "/run/credentials", "-type", "f",
                      fails=True)
    check(not done.stdout.strip(), f"readable: {done.stdout}")


if __name__ == "__main__":
    harness.run(__doc__, Walls)
