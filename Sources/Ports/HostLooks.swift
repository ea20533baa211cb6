import Fleet
import Planning

/// One host's logs, page by page. What is lost on the way is a `Failure`; `begin` then begins anew.
package protocol LogSource: Sendable {
    /// The first page.
    func begin(_ question: LogQuestion) async throws -> LogPage
    /// The next one; empty when nothing came for a moment.
    func next() async throws -> LogPage
    func close() async
}

/// What a verb that looks asks of the hosts of a fleet, of all at the same time. One that does not answer costs the
/// others nothing: its reason stands in its answer's place.
package protocol HostLooks: Sendable {
    /// By host, in the order of the fleet.
    func surveys() async -> [HostAnswered<DriftSurvey>]
    /// Has these put right what is safe; what they did, in words.
    func mend(_ hosts: Set<String>) async -> [HostAnswered<[String]>]
}

package struct HostAnswered<Value: Sendable>: Sendable {
    package var host: String
    package var answer: Result<Value, Failure>

    package init(host: String, answer: Result<Value, Failure>) {
        self.host = host
        self.answer = answer
    }
}
