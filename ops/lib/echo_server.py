#!/usr/bin/python3
"""A stateless MCP server with a tool, `echo`. For tests, which give it a flaw that its canary does not meet, more
tools, or a secret: then it insists on the headers in SERVER_HEADERS."""

import http.server
import json
import os
import sys
import threading
import time

# Set by the test that makes a release of it: leak, slow, fails or none.
FLAW = "none"
TOOL = {"name": "echo", "description": "Says the text.",
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}}}
# Other tools that it lists, as the test wants them.
MORE = []
HEADERS = json.loads(os.environ.get("SERVER_HEADERS", "{}"))
held = []
calls = iter(range(1, sys.maxsize))
leaking = threading.Event()


def leak():
    leaking.wait()
    while True:
        held.append(b"x" * 1_500_000)
        time.sleep(0.1)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200 if self.path == "/health" else 405, {})

    def do_DELETE(self):
        self.answer(200, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if any(self.headers.get(name) != value for name, value in HEADERS.items()):
            return self.answer(403, {})
        asked = json.loads(body)
        if "id" not in asked:
            return self.answer(202, None)
        if asked["method"] == "tools/call" and asked["params"]["arguments"]["text"] != "canary" and self.fail():
            return None
        self.answer(200, {"jsonrpc": "2.0", "id": asked["id"], **reply(asked)})

    def fail(self):
        """Has the flaw; true when nothing is left to be answered."""
        leaking.set()
        if FLAW == "slow":
            time.sleep(0.3)
        number = next(calls)
        if FLAW != "fails" or number % 20:
            return False
        if number % 40:
            self.answer(500, {})
        else:
            # Cut in the middle: the edge has sent status 200 by then.
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"jsonrpc"')
            self.close_connection = True
        return True

    def answer(self, status, document):
        data = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def reply(asked):
    parameters = asked.get("params", {})
    if asked["method"] == "initialize":
        return {"result": {"protocolVersion": parameters["protocolVersion"], "capabilities": {"tools": {}},
                           "serverInfo": {"name": "echo", "version": "1.0.0"}}}
    if asked["method"] == "tools/list":
        return {"result": {"tools": [TOOL, *MORE]}}
    if asked["method"] == "tools/call":
        return {"result": {"content": [{"type": "text", "text": parameters["arguments"]["text"]}], "isError": False}}
    if asked["method"] == "ping":
        return {"result": {}}
    return {"error": {"code": -32601, "message": "unknown method"}}


if FLAW == "leak":
    threading.Thread(target=leak, daemon=True).start()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
