import Fleet
import Foundation
import Planning
import Ports

/// The chores of a fleet's hosts, each done by the convoy that is there.
package struct RemoteChores: HostChores {
    package struct Site: Sendable {
        package let host: HostSpec
        package let link: any HostLink

        package init(host: HostSpec, link: any HostLink) {
            self.host = host
            self.link = link
        }
    }

    /// Hosts at a time: more would only wait for this machine's own uplink.
    private static let width = 10

    let all: [HostCalls]
    private let aside: AsideHosts
    private let freight: any ReleaseFreight
    private let digest: @Sendable (String) throws -> Digest
    private let folder: String
    private let fence: Int?
    private let progress: any Ports.Progress

    /// - Parameters:
    ///   - folder: of this user's only, for what is packed.
    ///   - digest: of a file of this machine.
    ///   - fence: of the lease; without one nothing is changed.
    ///   - aside: hosts that are asked for nothing.
    package init(
        _ sites: [Site], convoy: String, freight: any ReleaseFreight,
        digest: @escaping @Sendable (String) throws -> Digest, folder: String, fence: Int?,
        aside: AsideHosts = AsideHosts(),
        progress: any Ports.Progress
    ) {
        self.aside = aside
        all = sites.map { HostCalls(host: $0.host, link: $0.link, convoy: convoy, progress: progress) }
        self.freight = freight
        self.digest = digest
        self.folder = folder
        self.fence = fence
        self.progress = progress
    }

    package func wake() async throws -> Bool {
        let answers = try await each("cannot reach every host") { try await $0.ask(HostRequest(.wake)) }
        return answers.values.contains { $0["started"]?.boolValue == true }
    }

    package func bring(_ release: Digest) async throws {
        let request = HostRequest(.lacks, with: ["digest": release.hex])
        let answers = try await each("cannot check the release on every host") { try await $0.ask(request) }
        let lacking = Set(answers.filter { $0.value["lacks"]?.boolValue != false }.keys)
        guard !lacking.isEmpty else { return }
        let file = "\(folder)/\(release.hex).tar.gz"
        try await freight.pack(release, to: file)
        let packed = try digest(file)
        progress.step("shipping the release to \(lacking.sorted().joined(separator: ", "))")
        try await each("cannot ship the release to every host", only: lacking) { calls in
            let path = "\(BootstrapPlace.cargo)/releases/\(release.hex).tar.gz"
            try await calls.upload(file, to: path, digest: packed)
            return try await calls.ask(HostRequest(.receive, with: ["archive": path, "digest": release.hex]))
        }
    }

    package func fault(_ next: GenerationPlan) async throws -> String? {
        let answers = try await each("cannot examine every host") { calls in
            let slice = try Self.text(next.slice(for: calls.host.name))
            return try await calls.ask(HostRequest(.room, with: ["plan": slice]))
        }
        let faults = calls.compactMap { calls in
            answers[calls.host.name]?["fault"]?.stringValue.map { "\(calls.host.name): \($0)" }
        }
        return faults.isEmpty ? nil : faults.joined(separator: "; ")
    }

    package func keep(_ passwords: [String: Secret], of plan: GenerationPlan) async throws {
        try await each("cannot write the instances' secrets on every host") { calls in
            let slice = plan.slice(for: calls.host.name)
            let own = Dictionary(
                slice.instances.compactMap { one in passwords[one.name].map { (one.name, $0.reveal()) } }
            ) { first, _ in first }
            return try await calls.ask(
                HostRequest(
                    .keep, with: ["plan": try Self.text(slice), "passwords": try Self.text(own), "fence": fenceText]))
        }
    }

    package func sweep(keeping instances: Set<String>) async throws {
        let request = HostRequest(
            .sweep, with: ["instances": instances.sorted().joined(separator: ","), "fence": fenceText])
        let answers = await answers(calls) { try await $0.ask(request) }
        // Whoever is away has it done by the next command.
        let failure = failure("cannot tidy up on every host", answers.filter { !Self.isAbsent($0.value) })
        if let failure { throw failure }
    }

    package func forget(_ host: String) async throws {
        guard let calls = all.first(where: { $0.host.name == host }) else { return }
        _ = try await calls.ask(HostRequest(.forget, with: ["fence": fenceText]))
    }

    /// Hosts that answer, and can't read the ledger by themselves.
    package func withoutReader() async -> [String] {
        let answers = await answers(calls) { try await $0.ask(HostRequest(.reader)) }
        return calls.map(\.host.name).filter { name in
            guard case .success(let answer)? = answers[name] else { return false }
            return answer["reads"]?.boolValue != true
        }
    }

    package func give(_ host: String, reader mark: Secret) async throws {
        try await each("cannot give \(host) a way to read the ledger", only: [host]) {
            try await $0.ask(HostRequest(.reader, with: ["mark": mark.reveal(), "fence": fenceText]))
        }
    }

    private var calls: [HostCalls] { all.filter { !aside.names.contains($0.host.name) } }
    var fenceText: String { fence.map(String.init) ?? "" }

    private static func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }

    // MARK: Hosts at a time

    private static func isAbsent(_ answer: Result<JSONValue, Failure>) -> Bool {
        if case .failure(let failure) = answer { return failure.code == .unavailable }
        return false
    }

    @discardableResult
    private func each(
        _ what: String, only names: Set<String>? = nil,
        _ body: @escaping @Sendable (HostCalls) async throws -> JSONValue
    ) async throws -> [String: JSONValue] {
        let answers = await answers(calls.filter { names?.contains($0.host.name) ?? true }, body)
        if let failure = failure(what, answers) { throw failure }
        return answers.compactMapValues { try? $0.get() }
    }

    func answers(
        _ calls: [HostCalls], _ body: @escaping @Sendable (HostCalls) async throws -> JSONValue
    ) async -> [String: Result<JSONValue, Failure>] {
        let said = await BoundedTasks.map(calls, width: Self.width) { one -> Result<JSONValue, Failure> in
            do { return .success(try await body(one)) } catch { return .failure(Failure(told: error)) }
        }
        return Dictionary(zip(calls.map(\.host.name), said)) { first, _ in first }
    }

    private func failure(_ what: String, _ answers: [String: Result<JSONValue, Failure>]) -> Failure? {
        let faults = calls.compactMap { calls -> (String, Failure)? in
            guard case .failure(let failure)? = answers[calls.host.name] else { return nil }
            return (calls.host.name, failure)
        }
        guard let first = faults.first else { return nil }
        if let lost = faults.first(where: { $0.1.code == .leaseHeld }) { return lost.1 }
        let code = faults.allSatisfy { $0.1.code == .unavailable } ? Failure.Code.unavailable : .failed
        let why = faults.map { "\($0.0): \($0.1.what): \($0.1.why)" }.joined(separator: "; ")
        return Failure(code, what, because: why, next: first.1.next)
    }
}

/// The hosts' supervisors, which their own systemd has run.
package struct HostsLauncher: SupervisorLauncher {
    private let chores: any HostChores

    package init(_ chores: any HostChores) { self.chores = chores }

    package func ensureRunning() async throws -> Bool { try await chores.wake() }
}
