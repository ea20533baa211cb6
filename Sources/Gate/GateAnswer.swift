import Admission
import NIOCore

/// An answer as bytes. Written by hand: the gate has a handful of answers, and their header texts
/// are printable ASCII by construction.
struct GateAnswer {
    var status: Int
    var headers: [(name: String, value: String)] = []
    var body = ""

    init(_ decision: AdmissionDecision) {
        status = decision.status
        headers = decision.headers
    }

    init(status: Int, headers: [(name: String, value: String)] = [], body: String = "") {
        self.status = status
        self.headers = headers
        self.body = body
    }

    func write(to buffer: inout ByteBuffer, closing: Bool) {
        buffer.writeString(Self.statusLine(status))
        for (name, value) in headers {
            buffer.writeString(name)
            buffer.writeStaticString(": ")
            buffer.writeString(value)
            buffer.writeStaticString("\r\n")
        }
        if closing { buffer.writeStaticString("Connection: close\r\n") }
        if status != 204 {
            buffer.writeStaticString("Content-Length: ")
            buffer.writeString(String(body.utf8.count))
            buffer.writeStaticString("\r\n")
        }
        buffer.writeStaticString("\r\n")
        buffer.writeString(body)
    }

    private static func statusLine(_ status: Int) -> String {
        switch status {
        case 200: "HTTP/1.1 200 OK\r\n"
        case 204: "HTTP/1.1 204 No Content\r\n"
        case 400: "HTTP/1.1 400 Bad Request\r\n"
        case 401: "HTTP/1.1 401 Unauthorized\r\n"
        case 403: "HTTP/1.1 403 Forbidden\r\n"
        case 404: "HTTP/1.1 404 Not Found\r\n"
        case 409: "HTTP/1.1 409 Conflict\r\n"
        default: "HTTP/1.1 503 Service Unavailable\r\n"
        }
    }
}
