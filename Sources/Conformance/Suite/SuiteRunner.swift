import Fleet
import Ports

/// Runs checks against one endpoint, several at a time, each with a deadline.
package struct SuiteRunner: Sendable {
    private let checks: [Check]
    private let width: Int
    private let deadline: Seconds

    package init(_ checks: [Check], width: Int = 8, deadline: Seconds = 30) {
        self.checks = checks
        self.width = max(1, width)
        self.deadline = deadline
    }

    /// Throws a `Failure` (`unavailable`) when nobody answers. Sessions that checks opened are ended.
    package func run(on fresh: Bench, progress: any Progress) async throws -> EndpointReport {
        var bench = fresh
        bench.survey = try await Survey.make(fresh)
        let results = await withTaskGroup(of: (Int, CheckReport).self) { [bench] group in
            var waiting = checks.enumerated().makeIterator()
            var results: [Int: CheckReport] = [:]
            var running = 0
            while true {
                while running < width, let (index, check) = waiting.next() {
                    group.addTask { (index, await report(check, bench)) }
                    running += 1
                }
                guard let (index, report) = await group.next() else { return results }
                running -= 1
                results[index] = report
                progress.detail("\(results.count)/\(checks.count)  \(report.id)")
            }
        }
        await bench.sessions.endAll(bench)
        return EndpointReport(
            url: bench.target.url.text, era: bench.survey.era, checks: checks.indices.compactMap { results[$0] })
    }

    private func report(_ check: Check, _ bench: Bench) async -> CheckReport {
        let start = bench.time.now()
        let verdict = await verdict(check, bench)
        return CheckReport(check, verdict, seconds: bench.time.now().value - start.value)
    }

    private func verdict(_ check: Check, _ bench: Bench) async -> Verdict {
        if bench.survey.distrust != nil, check.group != .tls {
            return .skipped("the edge's certificate is not trusted (see tls.certificate; --insecure-ca)")
        }
        if bench.target.clients?.isOutside == true, check.group != .clients, check.group != .tls {
            return .skipped("nothing is admitted from here (--from-outside): run it from a listed address as well")
        }
        if let missing = Need.allCases.first(where: { check.needs.contains($0) && bench.lacks($0) != nil }) {
            return .skipped(bench.lacks(missing) ?? "")
        }
        return await withTaskGroup(of: Verdict.self) { group in
            group.addTask { await Self.judge { try await check.run(bench) } }
            group.addTask { [deadline] in
                try? await bench.time.sleep(deadline)
                return .failed(
                    Fault("the check did not end within \(deadline.text)", sent: check.title, seen: "nothing"))
            }
            let first = await group.next() ?? .skipped("")
            group.cancelAll()
            return first
        }
    }

    private static func judge(_ body: () async throws -> Void) async -> Verdict {
        do {
            try await body()
            return .passed
        } catch let fault as Fault {
            return .failed(fault)
        } catch let silence as Silence {
            return .failed(silence.fault)
        } catch let skip as Skip {
            return .skipped(skip.why)
        } catch {
            return .failed(Fault("the check itself failed", sent: "", seen: "\(error)"))
        }
    }
}

extension Bench {
    /// Why a need is not met; nil when it is.
    func lacks(_ need: Need) -> String? {
        switch need {
        case .key:
            if forge == nil {
                "needs the issuer's key (--issuer-key)"
            } else if survey.refusal != nil {
                "a good token is not admitted, so a refusal would tell nothing (see baseline.good-token)"
            } else {
                nil
            }
        case .modern: survey.isModern ? nil : "the server speaks no modern protocol version"
        case .legacy: survey.isLegacy ? nil : "the server speaks no legacy protocol version"
        case .sessions: survey.handsOutSessions ? nil : "the server hands out no session ids"
        case .neighbour: target.neighbour == nil ? "there is only one pool (--other-audience for others)" : nil
        case .sight: sight == nil ? "no sight of what reaches an instance (--instance-log)" : nil
        case .tls: target.url.isTLS ? nil : "the edge speaks plain HTTP"
        case .scope: target.scope.isEmpty ? "the resource asks for no scope" : nil
        case .tool: target.tools == nil ? "the resource has no rule about tools (--denied-tool)" : nil
        case .rate: target.rate == nil ? "the resource has no rate limit (--rate)" : nil
        case .clients: target.clients == nil ? "the resource has no list of clients (--listed-client)" : nil
        case .certificate: certified == nil ? "needs --client-certificate and --client-key" : nil
        }
    }
}
