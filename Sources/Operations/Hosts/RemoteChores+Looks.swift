import Fleet
import Planning
import Ports

extension RemoteChores: HostLooks {
    package func surveys() async -> [HostAnswered<DriftSurvey>] {
        await answered(all) { try await $0.ask(HostRequest(.survey)) }
    }

    package func mend(_ hosts: Set<String>) async -> [HostAnswered<[String]>] {
        let request = HostRequest(.mend, with: ["fence": fenceText])
        return await answered(all.filter { hosts.contains($0.host.name) }) { try await $0.ask(request) }
    }

    private func answered<Value: Sendable & Decodable>(
        _ calls: [HostCalls], _ body: @escaping @Sendable (HostCalls) async throws -> JSONValue
    ) async -> [HostAnswered<Value>] {
        let answers = await answers(calls, body)
        return calls.map { call in
            let name = call.host.name
            let answer = (answers[name] ?? .success(.null)).flatMap { value -> Result<Value, Failure> in
                guard let read = value.decoded(Value.self) else {
                    return .failure(
                        Failure(
                            .failed, "cannot read what \(name) says", because: "it is nothing that this convoy knows",
                            next: "`convoy self-update --hosts` makes all hosts one version"))
                }
                return .success(read)
            }
            return HostAnswered(host: name, answer: answer)
        }
    }
}
