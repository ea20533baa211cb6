"""The root file system that all hosts share, read-only: Debian 12 with what a Convoy host needs."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

import parts
from lab.words import Trouble, call, environment

PACKAGES = """
    systemd systemd-sysv dbus libnss-systemd libpam-systemd
    nginx-light keepalived nftables openssh-server sudo
    curl iproute2 iputils-ping openssl procps python3 python3-venv
    ca-certificates libmongoc-1.0-0 libssl3 libstdc++6 libsystemd0 tzdata zlib1g
""".split()

# Timers and consoles that have nothing to do in a host that lives for a minute.
MASKED = """
    apt-daily.timer apt-daily-upgrade.timer console-getty.service dpkg-db-backup.timer e2scrub_all.timer
    e2scrub_reap.service fstrim.timer systemd-pcrphase.service
""".split()

# Keys and ids are each host's own. The options for building must not apply to packages that a test
# installs: they would lose their man pages.
FINISH = f"""set -eu
rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id
rm -f "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$1"/etc/apt/apt.conf.d/99mmdebstrap
mkdir -p "$1"/var/log/journal
for unit in {' '.join(MASKED)}; do ln -sf /dev/null "$1"/etc/systemd/system/$unit; done
"""

LEFT_OUT = ["/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*"]


def path():
    """Where the image of today's recipe is or would be."""
    recipe = repr((PACKAGES, FINISH, LEFT_OUT)).encode()
    return parts.PARTS.resolve() / "lab" / f"image-{hashlib.sha256(recipe).hexdigest()[:16]}"


def build():
    """Builds the image unless it is there; answers its path."""
    image = path()
    if image.is_dir():
        return image
    image.parent.mkdir(parents=True, exist_ok=True)
    with open(image.parent / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.is_dir():
            bootstrap(image)
    return image


def bootstrap(image):
    if not shutil.which("mmdebstrap", path=environment()["PATH"]):
        raise Trouble("no mmdebstrap here: run ops/parts --only lab first", 69)
    lines = sources()
    print(f"building {image} (once; about 40 s)", file=sys.stderr)
    # What a killed build left. Its mounts went with their namespace.
    for old in image.parent.glob("image-*.new"):
        shutil.rmtree(old)
    new = image.with_name(image.name + ".new")
    words = ["unshare", "--mount", "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase",
             f"--include={','.join(PACKAGES)}", '--aptopt=Acquire::Languages "none"', "--dpkgopt=force-unsafe-io",
             *[f"--dpkgopt=path-exclude={place}" for place in LEFT_OUT], *machine_options(),
             f"--customize-hook={FINISH}", "bookworm", str(new), "-"]
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    done = subprocess.run(words, input="\n".join(lines) + "\n", env=environment(**proxies), text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode != 0:
        shutil.rmtree(new, ignore_errors=True)
        raise Trouble(f"mmdebstrap could not build the image: {done.stderr.strip()[-1500:]}\n"
                      f"It used: {'; '.join(lines)}. Repair the mirror or the network (apt-get update must work), "
                      "then run ops/lab/hosts image again.", 69)
    new.rename(image)


def sources():
    """The lines for Debian's own archives among what apt is configured to use; foreign ones stay out."""
    lines = debian_lines()
    if not lines:
        call("apt-get", "update", "-q")
        lines = debian_lines()
    if not lines:
        raise Trouble("apt on this machine has no mirror of Debian bookworm: add one to /etc/apt/sources.list.d and "
                      "run apt-get update; `apt-get indextargets 'Origin: Debian'` must name it", 69)
    return lines


def debian_lines():
    targets = call("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                   "Created-By: Packages", "Origin: Debian")
    wanted = ("bookworm", "bookworm-updates", "bookworm-security")
    found = dict.fromkeys(tuple(target.split()) for target in targets.splitlines())
    return [f"deb {uri} {release} main" for uri, release, component in found
            if release in wanted and component == "main"]


def machine_options():
    """A proxy, or leniency about dates, that the machine's own apt has; the image's apt needs the same."""
    dump = call("apt-config", "dump", "Acquire")
    names = ("Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Check-Valid-Until")
    return [f"--aptopt={line}" for line in dump.splitlines() if line.startswith(names) and not line.endswith('"";')]
