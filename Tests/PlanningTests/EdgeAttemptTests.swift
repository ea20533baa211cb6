import Fleet
import Testing

@testable import Planning

@Suite("What the edge's logs tell")
struct EdgeAttemptTests {
    private func line(
        method: String = "POST", subject: String = "developer", upstream: String = "127.0.0.1:42000",
        status: String = "200", time: String = "0.004", sent: String = "512"
    ) -> String {
        #"{"time":"2026-11-21T12:06:57+00:00","id":"b7","client":"127.0.0.1","subject":"\#(subject)","#
            + #""pool":"analytics","method":"\#(method)","status":200,"group":"analytics_a","#
            + #""upstream":"\#(upstream)","upstreamStatus":"\#(status)","upstreamTime":"\#(time)","#
            + #""upstreamSent":"\#(sent)","time_s":0.006,"bytesIn":1063,"bytesOut":785}"#
    }

    @Test("one attempt is the usual case")
    func one() {
        #expect(EdgeAttempt.parse(line()) == [EdgeAttempt(port: 42000, status: 200, sent: 512, time: 0.004)])
    }

    @Test("attempts at several instances, also of another group, are each told apart")
    func several() {
        let found = EdgeAttempt.parse(
            line(
                upstream: "127.0.0.1:42002, 127.0.0.1:42000 : 127.0.0.1:42001", status: "502, 502 : 404",
                time: "0.000, 0.010 : 0.002", sent: "0, 40 : 512"))
        #expect(
            found == [
                EdgeAttempt(port: 42002, status: 502, sent: 0, time: 0),
                EdgeAttempt(port: 42000, status: 502, sent: 40, time: 0.01),
                EdgeAttempt(port: 42001, status: 404, sent: 512, time: 0.002),
            ])
    }

    @Test("a stream, an answer of the edge's own and a line of somebody else's are no attempts")
    func none() {
        for text in [
            line(method: "GET"), line(upstream: ""), line(upstream: "convoy_none"), "", "{", "no json at all",
            #"{"method":"POST"}"#, #"{"method":"POST","upstream":"127.0.0.1:x"}"#,
        ] {
            #expect(EdgeAttempt.parse(text).isEmpty, "\(text)")
        }
    }

    @Test("a client that went away leaves no status")
    func clientGone() {
        #expect(EdgeAttempt.parse(line(status: "-", time: "0.5")).map(\.status) == [nil])
    }

    @Test("a subject that looks like fields is a subject: nginx escapes quotes")
    func forged() {
        let found = EdgeAttempt.parse(line(subject: #"x\",\"upstream\":\"127.0.0.1:1\",\"method\":\"GET"#))
        #expect(found.map(\.port) == [42000])
    }

    @Test("a log of an edge that is older than a field is read without it")
    func older() {
        let text = line().replacing(#""upstreamSent":"512","#, with: "")
        #expect(EdgeAttempt.parse(text) == [EdgeAttempt(port: 42000, status: 200, sent: nil, time: 0.004)])
    }

    @Test("an answer that was cut is in the error log only; a stream that ends, and another fault, are none")
    func cut() {
        func fault(_ what: String, _ request: String) -> String {
            "2026/11/21 12:07:57 [error] 14375#14375: *907 \(what), client: 127.0.0.1, server: _, "
                + "request: \"\(request)\", upstream: \"http://127.0.0.1:42002/mcp\", host: \"127.0.0.1:55729\""
        }
        let post = "POST /analytics/mcp HTTP/1.1"
        #expect(EdgeAttempt.cut(fault("upstream prematurely closed connection while reading upstream", post)) == 42002)
        #expect(EdgeAttempt.cut(fault("upstream prematurely closed connection while sending to client", post)) == 42002)
        #expect(EdgeAttempt.cut(fault("writev() failed (32: Broken pipe) while sending to client", post)) == nil)
        #expect(EdgeAttempt.cut(fault("recv() failed (104: reset) while reading upstream", post)) == 42002)
        #expect(
            EdgeAttempt.cut(
                fault("upstream prematurely closed connection while reading upstream", "GET /analytics/mcp HTTP/1.1"))
                == nil)
        #expect(EdgeAttempt.cut(fault("connect() failed while connecting to upstream", post)) == nil)
        #expect(
            EdgeAttempt.cut(
                fault(
                    "upstream prematurely closed connection while reading response header from upstream", post)) == nil)
        #expect(
            EdgeAttempt.cut(
                fault("connect() failed", "POST /?\(" while reading upstream, client: ") HTTP/1.1")) == nil)
        #expect(EdgeAttempt.cut("") == nil)
    }
}

@Suite("Figures of an instance")
struct FigureBookTests {
    private func figures(_ attempts: [EdgeAttempt]) throws -> InstanceFigures {
        let instance = try #require(try PlanSamples.generation().instances.first)
        var book = FigureBook()
        for attempt in attempts { book.count(attempt, of: instance.name) }
        return book.figures(of: instance, restarts: 0, isProved: true)
    }

    @Test("5xx is an error, 404 is none, and only good answers tell how long calls take")
    func errors() throws {
        let found = try figures([
            EdgeAttempt(port: 1, status: 200, sent: 9, time: 0.1), EdgeAttempt(port: 1, status: 404, sent: 9, time: 0),
            EdgeAttempt(port: 1, status: 500, sent: 9, time: 0), EdgeAttempt(port: 1, status: 504, sent: 9, time: 60),
            EdgeAttempt(port: 1, status: 502, sent: 9, time: 0),
        ])
        #expect(found.requests == 5 && found.errors == 3 && found.unreachable == 0 && found.latency.total == 1)
    }

    @Test("a closed port is no failed call: the next instance had it")
    func unreachable() throws {
        let found = try figures([
            EdgeAttempt(port: 1, status: 502, sent: 0, time: 0), EdgeAttempt(port: 1, status: nil, sent: 9, time: 1),
            EdgeAttempt(port: 1, status: 499, sent: 9, time: 1),
        ])
        #expect(found.requests == 0 && found.errors == 0 && found.unreachable == 1)
    }

    @Test("a probe that was refused for its rate says nothing")
    func probes() throws {
        let instance = try #require(try PlanSamples.generation().instances.first)
        var book = FigureBook()
        for finding in [HealthMachine.Finding.passed, .failed("x"), .lifeless("x"), .busy("x")] {
            book.probed(instance.name, finding)
        }
        let found = book.figures(of: instance, restarts: 0, isProved: true)
        #expect(found.probes == 3 && found.probeFailures == 2)
        book.forget(instance.name)
        #expect(book.figures(of: instance, restarts: 0, isProved: true).probes == 0)
    }

    @Test("a quantile is never too low, and a fifth too high at most")
    func quantiles() {
        var dice = SeededDice(state: 7)
        for _ in 0..<200 {
            var histogram = LatencyHistogram()
            let times = (0..<Int.random(in: 1...400, using: &dice)).map { _ in
                Double.random(in: 0.001...1, using: &dice) * Double.random(in: 0.001...20, using: &dice)
            }
            for time in times { histogram.add(Seconds(time)) }
            let exact = times.sorted()[Int((Double(times.count) * 0.95).rounded(.up)) - 1]
            let found = histogram.quantile(0.95).value
            #expect(found >= exact * 0.999 || exact < 0.001)
            #expect(found <= max(0.001, exact * 1.2))
            #expect(histogram.count(above: Seconds(exact)) <= times.count { $0 > exact })
        }
    }

    @Test("two histograms add up, and one less its beginning is the rest; a smaller one began anew")
    func difference() {
        var early = LatencyHistogram()
        early.add(0.01, count: 3)
        var late = early
        late.add(5)
        late.add(0.01)
        var rest = LatencyHistogram()
        rest.add(5)
        rest.add(0.01)
        #expect(late.since(early) == rest)
        #expect(early + rest == late)
        #expect(early.since(late) == nil)
    }
}
