/// Event streams come through as they are sent.
enum StreamChecks {
    private static let reference = "MCP Transports, Listening for Messages"

    static let all: [Check] = [
        Check(
            "streams.media-type", "an answer is JSON or an event stream", "MCP Transports, Sending Messages",
            needs: [.key]
        ) { bench in
            let reply = try await bench.send(bench.good())
            guard ["application/json", "text/event-stream"].contains(reply.answer.mediaType) else {
                throw reply.fault("it is neither application/json nor text/event-stream")
            }
        },
        Check(
            "streams.head-at-once", "a stream's head comes before its first event", reference,
            needs: [.key, .legacy, .sessions]
        ) { bench in
            let session = try await Session.open(bench)
            let reply: Reply
            do { reply = try await bench.head(bench.stream(session: session.id, session.token)) } catch let silence
                as Silence
            {
                throw Fault("no head came within 10 s: the stream is buffered", sent: silence.sent, seen: "nothing")
            }
            if reply.status == 405 { throw Skip("the server offers no stream on GET") }
            guard reply.status == 200, reply.answer.mediaType == "text/event-stream" else {
                throw reply.fault("GET with Accept: text/event-stream gave no event stream")
            }
            guard reply.answer["Content-Length"] == nil, reply.answer["Content-Encoding"] == nil else {
                throw reply.fault("the stream has a Content-Length or a Content-Encoding")
            }
        },
        Check(
            "streams.no-buffering", "event streams forbid buffering on their way", "MCP Transports, X-Accel-Buffering",
            .should, needs: [.key]
        ) { bench in
            let reply = try await bench.send(bench.good())
            guard reply.answer.mediaType == "text/event-stream" else {
                throw Skip("the server answers with plain JSON")
            }
            guard reply.answer["X-Accel-Buffering"] == "no" else {
                throw reply.fault("there is no X-Accel-Buffering: no")
            }
        },
    ]
}
