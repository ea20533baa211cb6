#!/usr/bin/env python3
"""What systemd enforces in a host of the lab, as on a real one: each by an attempt that is seen to fail."""

import harness
from harness import check, eventually, test
from hosts import KNOCK, SUBNET, World, refused


@test("DynamicUser gives a user of its own and a state directory that other users can't enter")
def dynamic_user(world):
    lab = world.lab
    state = lab.unit("a", "DynamicUser=yes", "StateDirectory=mine", "--",
                     "sh", "-c", "id -u; touch $STATE_DIRECTORY/x && echo written").stdout.split()
    check(61184 <= int(state[0]) <= 65519 and state[1] == "written", f"{state}")
    refused(lab.unit("a", "DynamicUser=yes", "--", "ls", "/var/lib/private/mine", fails=True), "Permission denied")


SANDBOX = [
    ("ProtectSystem=strict", "Read-only", ["touch", "/usr/x"]),
    ("ProtectHome=yes", "No such file", ["ls", "/root/.ssh"]),
    ("PrivateTmp=yes", "No such file", ["ls", "/tmp/secret"]),
    ("PrivateDevices=yes", "not permitted", ["sh", "-c", "mknod /run/x c 1 3 && rm /run/x"]),
    ("PrivateNetwork=yes", "Couldn't connect", ["curl", "-sSo", "/dev/null", f"http://{SUBNET}12/"]),
    ("ProtectKernelTunables=yes", "Read-only", ["sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward"]),
    ("ProtectControlGroups=yes", "Read-only", ["sh", "-c", "cd $(findmnt -nt cgroup2 -o TARGET); mkdir x && rmdir x"]),
    ("CapabilityBoundingSet=CAP_CHOWN", "not permitted", ["nft", "list", "ruleset"]),
    ("RestrictAddressFamilies=AF_UNIX", "not supported", ["/usr/bin/python3", "-c", "import socket; socket.socket()"]),
    ("RestrictNamespaces=yes", "not permitted", ["unshare", "--net", "true"]),
    ("MemoryDenyWriteExecute=yes", "PermissionError",
     ["/usr/bin/python3", "-c", "import mmap; mmap.mmap(-1, 4096, prot=7)"]),
    ("SystemCallFilter=~@chown", "", ["chown", "root", "/root"]),
    ("InaccessiblePaths=/etc/nginx", "Permission denied", ["setpriv", "--reuid=65534", "ls", "/etc/nginx"]),
]


@test("the sandbox: every protection refuses an attempt that succeeds without it")
def sandbox(world):
    lab = world.lab
    lab.inside("a", "touch", "/tmp/secret")
    for wish, reason, attempt in SANDBOX:
        refused(lab.unit("a", wish, "--", *attempt, fails=True), reason)
        check(lab.unit("a", "--", *attempt, fails=True).returncode == 0, f"refused without {wish} too")


@test("limits: MemoryMax kills who takes more, TasksMax refuses to fork, CPUQuota slows")
def limits(world):
    lab, take = world.lab, ["/usr/bin/python3", "-c", "b = bytearray(200 << 20); print('survived')"]
    check("survived" not in lab.unit("a", "MemoryMax=50M", "--", *take, fails=True).stdout, "200 MB within 50 MB")
    check("survived" in lab.unit("a", "MemoryMax=500M", "--", *take).stdout, "200 MB within 500 MB")
    forks = "for i in 1 2 3 4 5 6 7 8; do sleep 0.3 & done; wait"
    refused(lab.unit("a", "TasksMax=5", "--", "sh", "-c", forks, fails=True), "Cannot fork")
    burn = "import time\nbegan, used = time.monotonic(), time.process_time()\n" \
           "while time.monotonic() < began + 1: pass\n" \
           "print((time.process_time() - used) / (time.monotonic() - began))"
    share = float(lab.unit("a", "CPUQuota=20%", "--", "/usr/bin/python3", "-c", burn).stdout)
    check(share < 0.5, f"{share:.0%} of a processor instead of 20%")


@test("IPAddressDeny lets through what is allowed and nothing else")
def addresses(world):
    lab, knock = world.lab, ["/usr/bin/python3", "-c", KNOCK]
    only_local = ["IPAddressDeny=any", "IPAddressAllow=localhost", "--", *knock]
    check("open" in lab.unit("a", *only_local, "127.0.0.1", "80").stdout, "localhost is shut")
    check("shut" in lab.unit("a", *only_local, SUBNET + "12", "80").stdout, "the neighbour is open")
    neighbour = ["IPAddressDeny=any", f"IPAddressAllow={SUBNET}12", "--", *knock]
    check("open" in lab.unit("a", *neighbour, SUBNET + "12", "80").stdout, "the allowed neighbour is shut")
    check("shut" in lab.unit("a", *neighbour, SUBNET + "1", "80").stdout, "another one is open")


@test("nftables in a host: a rule by user shuts a port for one and leaves it open for another")
def firewall(world):
    lab = world.lab
    lab.write("a", "/run/rules", """\
        table inet convoy {
            chain output {
                type filter hook output priority 0;
                tcp dport 80 meta skuid 65534 reject
            }
        }
        """)
    lab.inside("a", "nft", "--file", "/run/rules")
    try:
        knock = ["/usr/bin/python3", "-c", KNOCK, "127.0.0.1", "80"]
        check("open" in lab.inside("a", *knock).stdout, "shut for root")
        check("shut" in lab.inside("a", "setpriv", "--reuid=65534", "--clear-groups", *knock).stdout, "open for nobody")
    finally:
        lab.inside("a", "nft", "flush", "ruleset")


@test("credentials encrypted with the host's key reach their unit only, and no other host can open them")
def credentials(world):
    lab = world.lab
    encrypt = ["systemd-creds", "--with-key=host", "--name=environment", "encrypt", "-", "-"]
    sealed = lab.inside("a", *encrypt, input="s3cret")
    lab.write("a", "/etc/environment.cred", sealed.stdout)
    show = ["--", "sh", "-c", "cat $CREDENTIALS_DIRECTORY/environment"]
    load = "LoadCredentialEncrypted=environment:/etc/environment.cred"
    check("s3cret" not in sealed.stdout, "not encrypted")
    check(lab.unit("a", "DynamicUser=yes", load, *show).stdout == "s3cret", "the unit did not get it")
    lab.inside("a", "systemd-run", "--quiet", "--unit=holder", "--property=DynamicUser=yes", f"--property={load}",
               "sleep", "60")
    refused(lab.unit("a", "DynamicUser=yes", "--", "cat", "/run/credentials/holder.service/environment", fails=True),
            "Permission denied")
    lab.inside("a", "systemctl", "stop", "holder")
    lab.inside("b", "systemd-creds", "setup")
    lab.write("b", "/etc/environment.cred", sealed.stdout)
    check("s3cret" not in lab.unit("b", load, *show, fails=True).both, "b opened what is a's")
    lab.write("b", "/etc/environment.plain", "s3cret")
    got = lab.unit("b", "DynamicUser=yes", "LoadCredential=environment:/etc/environment.plain", *show).stdout
    check(got == "s3cret", "LoadCredential")


@test("a service that stops feeding its watchdog is killed and comes back")
def watchdog(world):
    lab = world.lab
    lab.write("a", "/usr/local/bin/lazy", """\
        #!/bin/sh
        systemd-notify --ready
        exec sleep 60
        """)
    lab.write("a", "/etc/systemd/system/lazy.service", """\
        [Service]
        Type=notify
        NotifyAccess=all
        WatchdogSec=300ms
        Restart=always
        RestartSec=0
        ExecStart=/bin/sh /usr/local/bin/lazy
        """)
    lab.inside("a", "systemctl", "daemon-reload")
    lab.inside("a", "systemctl", "start", "lazy")
    value = lambda: int(lab.inside("a", "systemctl", "show", "--value", "-p", "NRestarts", "lazy").stdout)
    eventually(30, "the watchdog bit", lambda: value() > 0, every=0.1)
    lab.inside("a", "systemctl", "stop", "lazy")
    check("watchdog" in lab.hosts("journal", "a", "-u", "lazy").stdout, "the journal names another reason")


@test("a socket unit starts its service at the first connection, from another machine")
def activation(world):
    lab = world.lab
    lab.write("a", "/usr/local/bin/greet", """\
        import socket
        listener = socket.socket(fileno=3)
        while True:
            connection, _ = listener.accept()
            connection.sendall(b"activated")
            connection.close()
        """)
    lab.write("a", "/etc/systemd/system/greet.socket", "[Socket]\nListenStream=9000\n")
    lab.write("a", "/etc/systemd/system/greet.service", """\
        [Service]
        DynamicUser=yes
        PrivateNetwork=yes
        ExecStart=/usr/bin/python3 /usr/local/bin/greet
        """)
    lab.inside("a", "systemctl", "daemon-reload")
    lab.inside("a", "systemctl", "start", "greet.socket")
    active = lambda: lab.inside("a", "systemctl", "is-active", "greet.service", fails=True).stdout.strip()
    check(active() == "inactive", "active before anybody came")
    read = "import socket; print(socket.create_connection(('a', 9000), 3).recv(99).decode())"
    check(lab.net("/usr/bin/python3", "-c", read).stdout == "activated\n", "no answer")
    check(active() == "active", "not active afterwards")
    score = lab.inside("a", "systemd-analyze", "security", "--offline=yes", "/etc/systemd/system/greet.service")
    check("Overall exposure level" in score.stdout, "systemd-analyze security")
    lab.inside("a", "systemctl", "stop", "greet.socket", "greet.service")


if __name__ == "__main__":
    harness.run(__doc__, World)
