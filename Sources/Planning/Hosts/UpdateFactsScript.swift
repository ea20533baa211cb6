/// What a host is asked about its own Convoy. Python: the package depends on it, and JSON comes out whole or not at
/// all. It changes nothing.
package enum UpdateFactsScript {
    package static let command = ["python3", "-I", "-"]

    package static let text = #"""
        import contextlib, json, os, shutil, socket, ssl, subprocess, urllib.parse

        def said(*words):
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                return subprocess.run(words, capture_output=True, text=True, timeout=10, cwd="/",
                                      env=dict(os.environ, LC_ALL="C")).stdout.strip()
            return ""

        def text(path):
            with contextlib.suppress(OSError):
                with open(path) as file:
                    return file.read().strip() or None

        def rows(*units):
            shown = said("systemctl", "show", "-p", "Id,MainPID,ActiveState", *units)
            return [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.split("\n\n") if block]

        def unit(name):
            row = next(iter(rows(name)), {})
            pid, program = int(row.get("MainPID") or 0), ""
            with contextlib.suppress(OSError):
                program = os.readlink(f"/proc/{pid}/exe")
            return {"isActive": row.get("ActiveState") == "active", "pid": pid, "isCurrent": program == "/usr/bin/convoy"}

        def status():
            with contextlib.suppress(ValueError):
                return json.loads(said("/usr/bin/convoy", "status", "--json"))

        def complaints(found):
            for row in found["instances"]:
                if not row["ready"]:
                    yield f"{row['name']}: {row['reason'] or row['state']}"
            for name in ("edge", "gate"):
                if found[name]["state"] != "up":
                    yield f"{name}: {found[name]['reason'] or found[name]['state']}"

        def listeners(pid):
            for line in said("ss", "-Hltnp").splitlines():
                if f"pid={pid}," in line:
                    address, _, port = line.split()[3].rpartition(":")
                    yield {"0.0.0.0": "127.0.0.1", "[::]": "::1", "*": "127.0.0.1"}.get(address, address.strip("[]")), int(port)

        # As a stranger: who asks for a token has asked the gate.
        def answer(found, edge):
            url = urllib.parse.urlsplit(found["edge"]["url"])
            pool = next((row["pool"] for row in found["instances"]), None)
            if not pool or not url.hostname:
                return None
            port = url.port or {"https": 443}.get(url.scheme, 80)
            asked = (f"POST {url.path.rstrip('/')}/{pool}/mcp HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 2\r\n"
                     "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
                     "Connection: close\r\n\r\n{}").encode()
            for place in [*listeners(edge), ("127.0.0.1", port)]:
                with contextlib.suppress(OSError, ValueError, IndexError):
                    with socket.create_connection(place, 3) as wire:
                        if url.scheme == "https":
                            trust = ssl._create_unverified_context()
                            wire = trust.wrap_socket(wire, server_hostname=url.hostname)
                        wire.sendall(asked)
                        return int(wire.recv(64).split()[1])

        def lasting(found):
            running = {row["Id"]: int(row["MainPID"]) for row in rows("convoy-instance-*.service")
                       if row.get("ActiveState") == "active"}
            edge = unit("convoy-edge.service")["pid"]
            return {"instances": running, "edge": edge or None, "hasGate": unit("convoy-gate.service")["isActive"],
                    "answer": answer(found, edge) if found else None}

        def trial():
            for place in ("TRIAL", "UNDOING"):
                with contextlib.suppress(OSError, ValueError):
                    with open(place + "/before.json") as file:
                        before = json.load(file)
                    return {"digest": text(place + "/digest"), "isInstalled": os.path.exists(place + "/installed"),
                            "isUndoing": place == "UNDOING", "before": before}

        def changed():
            for line in said("dpkg", "--verify", "convoy").splitlines():
                # What dpkg was told to leave out of every package is not there.
                if not line.startswith("missing"):
                    yield line.split()[-1]

        package = said("dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Version}", "convoy").split()
        found = status()
        print(json.dumps({
            "architecture": said("dpkg", "--print-architecture"),
            "package": package[1] if package[:1] == ["ii"] else None,
            "packageFile": text("CONFIRMED/digest") or text("MARK"), "changedFiles": list(changed()),
            "room": {place: shutil.disk_usage(place).free for place in ("/usr", "/var/lib")},
            "supervisor": unit("convoy-supervisor.service"), "gate": unit("convoy-gate.service"),
            "lasting": lasting(found), "fleet": found and {
                "name": found["fleet"], "generation": found["generation"], "converged": found["converged"],
                "complaints": list(complaints(found))},
            "isInstalling": bool(rows("INSTALL")) and rows("INSTALL")[0].get("ActiveState") in ("active", "activating"),
            "trial": trial()}))
        """#.replacing("TRIAL", with: UpdatePlace.trial).replacing("UNDOING", with: UpdatePlace.undoing)
        .replacing("CONFIRMED", with: UpdatePlace.confirmed).replacing("MARK", with: BootstrapPlace.mark).replacing(
            "INSTALL", with: UpdatePlace.installUnit + ".service")
}
