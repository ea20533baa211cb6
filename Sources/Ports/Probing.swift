import Fleet
import Planning

/// Asks instances questions and leaves nothing behind: no session, no connection.
package protocol InstanceProber: Sendable {
    /// Nil when the process answers its liveness URL; else why not.
    func liveness(_ plan: ProbePlan) async -> String?
    /// Asks for eras, identity and tools. Throws a `ProbeFault` with the reason.
    func readiness(_ plan: ProbePlan) async throws -> Readiness
    /// The same, asked in one era only: cheap enough for every interval once the eras of a process
    /// are known. `eras` then says no more than was asked.
    func readiness(_ plan: ProbePlan, knownEra: Era) async throws -> Readiness
    /// Calls the canary tool. Throws a `ProbeFault` when there was no answer to judge.
    func canary(_ plan: ProbePlan, era: Era) async throws -> CanaryAnswer
}

extension InstanceProber {
    package func readiness(_ plan: ProbePlan, knownEra: Era) async throws -> Readiness { try await readiness(plan) }
}

package struct ProbeFault: Error, Sendable, Equatable, CustomStringConvertible {
    package var reason: String
    /// The instance answers, but refuses for its rate limit: no evidence either way. Real traffic
    /// causes it, so that taking the instance out would push its load onto the next one.
    package var busy: Bool

    package init(_ reason: String, busy: Bool = false) {
        self.reason = reason
        self.busy = busy
    }
    package var description: String { reason }
}

package struct Readiness: Sendable, Equatable {
    package var eras: [Era]
    package var announcedName: String
    package var announcedVersion: String
    package var tools: [String]
    /// Over the canonical form of the tool list: names, descriptions and schemas.
    package var toolsDigest: Digest
    /// The same tools as their callers rely on them; nil where a prober does not tell.
    package var offer: ReleaseOffer?

    package init(
        eras: [Era], announcedName: String, announcedVersion: String, tools: [String], toolsDigest: Digest,
        offer: ReleaseOffer? = nil
    ) {
        self.eras = eras
        self.announcedName = announcedName
        self.announcedVersion = announcedVersion
        self.tools = tools
        self.toolsDigest = toolsDigest
        self.offer = offer
    }
}

/// What came back from the canary call; judged by `CanaryJudge`.
package struct CanaryAnswer: Sendable, Equatable {
    /// A JSON-RPC error, when the call ended in one.
    package var error: String?
    package var isError: Bool
    /// All text content, and structured content as JSON text, joined by newlines.
    package var text: String

    package init(error: String? = nil, isError: Bool = false, text: String = "") {
        self.error = error
        self.isError = isError
        self.text = text
    }
}

extension CanaryJudge {
    /// Nil when the answer is as expected, else why it is not.
    package func fault(in answer: CanaryAnswer) -> String? {
        fault(error: answer.error, isError: answer.isError, text: answer.text)
    }
}
