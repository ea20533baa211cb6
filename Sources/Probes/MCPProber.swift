import AsyncHTTPClient
import Fleet
import Planning
import Ports

/// Probes MCP servers over HTTP, as their clients would reach them: same path, same host header,
/// same instance secret. Leaves no session and no connection behind, whatever happens.
///
/// One prober serves all instances; `shutdown` it when done.
package struct MCPProber: InstanceProber {
    private let client: HTTPClient
    private let farewells = Farewells()

    package init() {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.decompression = .disabled
        // A refused connection is an answer; waiting for better times is the caller's affair.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        configuration.maximumUsesPerConnection = 1
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Waits for the last farewells; the prober is of no use afterwards.
    package func shutdown() async {
        await farewells.finish()
        try? await client.shutdown()
    }

    package func liveness(_ plan: ProbePlan) async -> String? {
        guard let url = plan.liveness else { return nil }
        do {
            let status = try await visit(plan) { exchange in
                let response = try await exchange.execute(exchange.request("GET", url))
                _ = try await exchange.body(of: response)
                return Int(response.status.code)
            }
            return (200..<300).contains(status) ? nil : "HTTP \(status)"
        } catch {
            return (error as? ProbeFault)?.reason ?? "probe cancelled"
        }
    }

    /// Asks in both eras; a server is ready when it is in each era that it speaks.
    package func readiness(_ plan: ProbePlan) async throws -> Readiness {
        try await visit(plan) { exchange in
            var visits: [(era: Era, visit: EraVisit)] = []
            var refusals: [String] = []
            for era in [Era.modern, .legacy] {
                do {
                    visits.append((era, try await Self.visit(exchange, era)))
                } catch let refusal as NotThisEra {
                    if !refusals.contains(refusal.reason) { refusals.append(refusal.reason) }
                }
            }
            guard let first = visits.first else { throw ProbeFault(refusals.joined(separator: "; initialize: ")) }
            return try Self.readiness(first.visit, visits.map(\.era))
        }
    }

    package func readiness(_ plan: ProbePlan, knownEra: Era) async throws -> Readiness {
        try await visit(plan) { exchange in
            do {
                return try Self.readiness(try await Self.visit(exchange, knownEra, known: true), [knownEra])
            } catch let refusal as NotThisEra {
                throw ProbeFault(refusal.reason)
            }
        }
    }

    package func canary(_ plan: ProbePlan, era: Era) async throws -> CanaryAnswer {
        guard let spec = plan.canary else { throw ProbeFault("no canary is defined") }
        return try await visit(plan) { exchange in
            var conversation = MCPConversation(exchange, era)
            do {
                // Modern requests stand alone.
                if era == .legacy { _ = try await conversation.open() }
            } catch let refusal as NotThisEra {
                throw ProbeFault(refusal.reason)
            }
            let params: [String: JSONValue] = ["name": .string(spec.tool), "arguments": spec.arguments]
            let answer = try await conversation.call(3, "tools/call", params, name: spec.tool)
            if case .error(let error) = answer, error.isBusy { throw error.fault }
            return CanaryAnswer(answer)
        }
    }

    private static func visit(_ exchange: HTTPExchange, _ era: Era, known: Bool = false) async throws -> EraVisit {
        var conversation = MCPConversation(exchange, era)
        if known, era == .modern { return try await conversation.visitAlone() }
        let (name, version) = try await conversation.open()
        return EraVisit(name: name, version: version, tools: try await conversation.listTools())
    }

    private static func readiness(_ visit: EraVisit, _ eras: [Era]) throws -> Readiness {
        Readiness(
            eras: eras, announcedName: visit.name, announcedVersion: visit.version, tools: visit.tools.names,
            toolsDigest: try visit.tools.digest(), offer: ReleaseOffer(eras: eras, listing: visit.tools.tools))
    }

    /// One time limit for all of `probe`, one kind of error, and an end to each session it opened.
    private func visit<Value: Sendable>(
        _ plan: ProbePlan, _ probe: @escaping @Sendable (HTTPExchange) async throws -> Value
    ) async throws -> Value {
        let exchange = try HTTPExchange(client: client, plan: plan)
        do {
            let value = try await within(plan.timeout) { try await probe(exchange) }
            await farewells.say(exchange)?.value
            return value
        } catch {
            // Not waited for: the reason must not come late because the server hangs.
            _ = await farewells.say(exchange)
            if error is CancellationError || Task.isCancelled { throw CancellationError() }
            throw exchange.redacted((error as? TransportFault).map { ProbeFault($0.description) } ?? error)
        }
    }
}

extension CanaryAnswer {
    init(_ answer: RPCAnswer) {
        switch answer {
        case .error(let error): self.init(error: error.description)
        case .result(let result):
            var texts = (result["content"]?.arrayValue ?? []).compactMap { $0["text"]?.stringValue }
            if let structured = result["structuredContent"] { texts.append(structured.text) }
            do {
                _ = try MCPConversation.complete(result)
                self.init(isError: result["isError"]?.boolValue ?? false, text: texts.joined(separator: "\n"))
            } catch {
                self.init(error: String(describing: error))
            }
        }
    }
}
