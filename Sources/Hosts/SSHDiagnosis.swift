import Fleet
import Ports

/// What ssh and sudo say, in our words. Their messages are stable and in English: LC_ALL is C.
struct SSHDiagnosis {
    private let name: String
    private let destination: String

    init(_ host: HostSpec) {
        name = host.name
        destination = SSHSettings.destination(host)
    }

    /// Nil when the command ran. ssh ends with 255 for its own reasons, and hands on any other exit code.
    func fault(_ answer: HostAnswer) -> LinkFault? {
        if let fault = sudoFault(answer) { return fault }
        guard answer.exitCode == 255 else { return nil }
        let words = answer.errors.lowercased()
        for (mark, kind) in Self.marks where words.contains(mark) { return fault(kind, lastLine(answer.errors)) }
        return fault(.lost, lastLine(answer.errors))
    }

    /// In this order: a changed key is also told as a verification that failed.
    private static let marks: [(String, LinkFault.Kind)] = [
        ("remote host identification has changed", .changedHostKey),
        ("host key is known for", .unknownHostKey), ("host key verification failed", .unknownHostKey),
        ("permission denied", .permissionDenied), ("too many authentication failures", .permissionDenied),
        ("no route to host", .unreachable), ("connection refused", .unreachable),
        ("could not resolve hostname", .unreachable), ("network is unreachable", .unreachable),
        ("connection timed out", .unreachable), ("operation timed out", .unreachable),
        ("during banner exchange", .unreachable), ("bad configuration option", .missingProgram),
        ("can't open user config file", .missingProgram),
    ]

    private func sudoFault(_ answer: HostAnswer) -> LinkFault? {
        let lines = answer.errors.split(whereSeparator: \.isNewline).map(String.init)
        let isMissing = answer.exitCode == 127 && lines.contains { $0.contains("sudo") && $0.contains("not found") }
        let isRefused = answer.exitCode == 1 && lines.contains { $0.hasPrefix("sudo: ") }
        guard isMissing || isRefused else { return nil }
        return fault(.sudo, isMissing ? "there is no sudo" : lines.first { $0.hasPrefix("sudo: ") } ?? "")
    }

    private func fault(_ kind: LinkFault.Kind, _ said: String) -> LinkFault {
        let what = "cannot reach \(name) by `ssh \(destination)`"
        let failure: Failure
        switch kind {
        case .unknownHostKey:
            failure = Failure(
                .unavailable, what, because: "its host key is in no known_hosts file",
                next: "compare the key with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there), "
                    + "then log in once by hand and accept it")
        case .changedHostKey:
            failure = Failure(
                .unavailable, what, because: "it shows another host key than the one that is known",
                next: "find out why before you go on: somebody else may answer. If the host was installed anew, "
                    + "`ssh-keygen -R` forgets the old key")
        case .permissionDenied:
            failure = Failure(
                .unavailable, what, because: "it does not let this user in: \(said)",
                next: "add the key to your agent (ssh-add), or name user and key in ~/.ssh/config")
        case .sudo:
            failure = Failure(
                .unavailable, "cannot become root on \(name)", because: said,
                next: "log in as root (ssh: root@...), or allow that user `NOPASSWD: ALL` in /etc/sudoers.d")
        case .unreachable:
            failure = Failure(
                .unavailable, what, because: said,
                next: "check hosts/\(name) in fleet.yaml, the network, and that sshd runs")
        case .missingProgram:
            failure = Failure(.unavailable, what, because: said, next: "correct the configuration of ssh")
        case .lost:
            failure = Failure(
                .unavailable, "lost the connection to \(name)", because: said.isEmpty ? "ssh ended" : said,
                next: "run it again: what is done stays done")
        }
        return LinkFault(kind, failure)
    }

    private func lastLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).last.map { $0.trimmingPrefix { $0 == " " } }.map(String.init) ?? ""
    }
}
