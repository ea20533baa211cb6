#!/usr/bin/python3
"""A stateless MCP server with one tool, `echo`, that insists on the headers in SERVER_HEADERS. For tests."""

import http.server
import json
import os
import sys

HEADERS = json.loads(os.environ["SERVER_HEADERS"])
TOOL = {"name": "echo", "description": "Says the text.",
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}}}


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
        self.answer(200, {"jsonrpc": "2.0", "id": asked["id"], **reply(asked)})

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
                           "serverInfo": {"name": "secretive", "version": "1.0.0"}}}
    if asked["method"] == "tools/list":
        return {"result": {"tools": [TOOL]}}
    if asked["method"] == "tools/call":
        return {"result": {"content": [{"type": "text", "text": parameters["arguments"]["text"]}], "isError": False}}
    if asked["method"] == "ping":
        return {"result": {}}
    return {"error": {"code": -32601, "message": "unknown method"}}


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
