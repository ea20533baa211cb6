/// Stand-ins for the gate, instances and a client, in Python's standard library. `client` makes the calls of
/// a JSON list one after the other over one kept connection.
enum Doubles {
    static let gate = #"""
        """A gate that reads its answer from a file for each request: STATUS GROUP [TAG,TAG...], the session tags
        that it honours; all of the group's colour when there are none in the file. After 403 the group is the
        reason. `new=ID` makes ids of sessions here. Which sessions it was told of is in the file's `.sessions`."""
        import http.server, json, os, re, socketserver, sys, time

        socket_path, answer_path = sys.argv[1], sys.argv[2]


        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                status, group, *tags = open(answer_path).read().split()
                made = [tag[4:] for tag in tags if tag.startswith("new=")]
                tags = [tag for tag in tags if not tag.startswith("new=")]
                token = self.headers.get_all("Authorization") or []
                pool = self.headers.get_all("X-Convoy-Pool") or []
                if token != ["Bearer good"] and status == "204":
                    status = "401"
                if len(pool) != 1 or self.path != "/authorize" or "Cookie" in self.headers:
                    status = "500"
                self.send_response(int(status))
                if status == "204":
                    self.send_header("X-Convoy-Group", group)
                    self.send_header("X-Convoy-Subject", "ada")
                    self.send_header("X-Convoy-Owner", "0123456789abcdef" * 2)
                    if made and "Mcp-Session-Id" not in self.headers:
                        self.send_header("X-Convoy-New-Session", made[0])
                    session_group = self.session_group(group, tags)
                    if session_group:
                        self.send_header("X-Convoy-Session-Group", session_group)
                if status in ("401", "403"):
                    self.send_header("WWW-Authenticate", 'Bearer error="e%s", scope="mcp:analytics"' % status)
                if status == "403":
                    self.send_header("X-Convoy-Reason", group)
                    self.send_header("X-Convoy-Retry-After", "7")
                if status != "204":
                    self.send_header("Content-Length", "0")
                self.send_header("X-Convoy-Saw", self.headers.get("X-Convoy-Query", ""))
                with open(answer_path + ".asked", "w") as file:
                    file.write(json.dumps(dict(self.headers)))
                self.end_headers()

            def do_POST(self):
                with open(answer_path + ".sessions", "a") as file:
                    file.write(json.dumps(dict(self.headers)) + "\n")
                if os.path.exists(answer_path + ".deaf"):
                    time.sleep(5)
                broken = os.path.exists(answer_path + ".broken")
                self.send_response(500 if broken else 204)
                if broken:
                    self.send_header("Content-Length", "6")
                self.end_headers()
                if broken:
                    self.wfile.write(b"broken")

            def session_group(self, group, tags):
                pool, _, colour = group.rpartition("_")
                found = re.fullmatch(r"([ab])([1-9][0-9]?)\.(.+)", self.headers.get("Mcp-Session-Id", ""))
                if not found:
                    return None
                tag = found[1] + found[2]
                is_honoured = tag in tags[0].split(",") if tags else found[1] == colour
                return f"{pool}_{tag}" if is_honoured else None

            def address_string(self):
                return "unix"

            def log_message(self, *_):
                pass


        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 128


        server = Server(socket_path, Handler)
        os.chmod(socket_path, 0o666)
        print("ready", flush=True)
        server.serve_forever()
        """#

    static let instance = #"""
        """An instance with sessions: tells what reached it, knows only the ids it minted, or any, if there is a
        file any-session beside it."""
        import http.server, json, os, sys, time, uuid

        port, name = int(sys.argv[1]), sys.argv[2]
        sessions = set()


        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body, headers=()):
                data = json.dumps(body).encode()
                self.send_response(status)
                for key, value in headers:
                    self.send_header(key, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def stream(self, pause):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for text in (b"data: first\n\n", b"data: last " + name.encode() + b"\n\n"):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
                    self.wfile.flush()
                    time.sleep(pause)
                self.wfile.write(b"0\r\n\r\n")

            def do_POST(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                session = self.headers.get("Mcp-Session-Id")
                known = session in sessions or os.path.exists(os.path.dirname(__file__) + "/any-session")
                if session is not None and not known:
                    return self.answer(404, {"name": name})
                if body.get("method") == "stream":
                    return self.stream(body["pause"])
                seen = {"name": name, "path": self.path, "headers": self.headers.items(), "length": length}
                if body.get("method") == "initialize":
                    session = uuid.uuid4().hex
                    sessions.add(session)
                self.answer(200, seen, [("Mcp-Session-Id", session)] if session else [])

            def do_GET(self):
                self.stream(0.3)

            def do_DELETE(self):
                known = self.headers.get("Mcp-Session-Id") in sessions
                sessions.discard(self.headers.get("Mcp-Session-Id"))
                self.answer(200 if known else 404, {"name": name})

            def log_message(self, *_):
                pass


        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128


        server = Server(("127.0.0.1", port), Handler)
        print("ready", flush=True)
        server.serve_forever()
        """#

    static let client = #"""
        """Reads a JSON list of calls on standard input, makes them one after the other over one kept connection,
        prints a JSON list of answers. A call: {method, path, headers, body}. With a third argument by TLS; with
        a fourth and fifth with that client certificate and key."""
        import hashlib, http.client, json, ssl, sys, time

        host, port = sys.argv[1], int(sys.argv[2])
        connection = http.client.HTTPConnection(host, port, timeout=20)
        if sys.argv[3:]:
            context = ssl._create_unverified_context()
            if sys.argv[4:]:
                context.load_cert_chain(*sys.argv[4:6])
            connection = http.client.HTTPSConnection(host, port, timeout=20, context=context)
        answers = []
        for call in json.load(sys.stdin):
            for _ in range(call.get("times", 1)):
                start = time.monotonic()
                body = call.get("body")
                own_host = any(key.lower() == "host" for key, _ in call.get("headers", []))
                connection.putrequest(call["method"], call["path"], skip_host=own_host)
                for key, value in call.get("headers", []):
                    connection.putheader(key, value)
                if body is not None:
                    connection.putheader("Content-Type", "application/json")
                    connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body.encode() if body is not None else None)
                peer = connection.sock.getpeercert(True) if sys.argv[3:] else b""
                response = connection.getresponse()
                first = response.read1(65536)
                if call.get("announce"):
                    print("first", file=sys.stderr, flush=True)
                seconds_to_first = time.monotonic() - start
                text = (first + response.read()).decode()
                answers.append({
                    "status": response.status, "headers": [list(pair) for pair in response.getheaders()], "body": text,
                    "peer": hashlib.sha256(peer).hexdigest(), "secondsToFirst": seconds_to_first, "seconds": time.monotonic() - start,
                })
        print(json.dumps(answers))
        """#
}
