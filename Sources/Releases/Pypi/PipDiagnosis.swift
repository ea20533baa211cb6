import Fleet

/// Turns pip's words into a `Failure` with a next step.
enum PipDiagnosis {
    private static let away = [
        "NewConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "name resolution", "Max retries exceeded",
        "ProxyError", "SSLError", "Connection refused", "Network is unreachable",
    ]

    static func failure(_ what: String, _ output: String) -> Failure {
        let words = trimmed(output)
        if output.contains("No space left on device") {
            return Failure(.failed, what, because: "No space left on device", next: "free some space, run it again")
        }
        if let sign = away.first(where: output.contains) {
            return Failure(
                .unavailable, what, because: "the package registry could not be reached (\(sign)): \(words)",
                next: "check the network and PIP_INDEX_URL, PIP_PROXY, PIP_CERT; or point PIP_FIND_LINKS at wheels")
        }
        if let versions = known(output) {
            let requirement = wanted(output)
            return Failure(
                .badSpec, what,
                because: versions.isEmpty
                    ? "the registry has no wheel of \(requirement) for this Python and platform, in no version"
                    : "the registry has no wheel \(requirement); it has \(near(versions, to: requirement))",
                next: "check name and version in fleet.yaml; packages with source distributions only are refused, "
                    + "because Convoy runs no package's build code")
        }
        if output.contains("DO NOT MATCH THE HASHES") {
            return Failure(
                .failed, what, because: "the registry serves other bytes than fleet.lock has hashes for: \(words)",
                next: "find out why before you go on: a released file never changes in a sound registry")
        }
        if output.contains("ResolutionImpossible") || output.contains("conflicting dependencies") {
            return Failure(
                .badSpec, what, because: words, next: "change `constraints` or the version in fleet.yaml")
        }
        return Failure(.failed, what, because: words.isEmpty ? "pip said nothing" : words, next: "see what pip says")
    }

    /// The last lines, without credentials.
    static func trimmed(_ output: String, lines: Int = 12) -> String {
        let kept = output.split(whereSeparator: \.isNewline)
            .map { $0.trimmingPrefix(while: \.isWhitespace) }
            .filter { !$0.isEmpty && !$0.hasPrefix("[notice]") && !$0.contains("Running pip as the 'root' user") }
        return redacted(kept.suffix(lines).joined(separator: "\n  "))
    }

    static func redacted(_ text: String) -> String {
        text.replacing(/:\/\/[^\/\s]*@/, with: "://***@")
    }

    private static func known(_ output: String) -> [String]? {
        guard let match = output.firstMatch(of: /from versions: ([^)]*)\)/) else { return nil }
        return match.1 == "none" ? [] : match.1.split(separator: ",").map { String($0.trimmingPrefix(" ")) }
    }

    private static func wanted(_ output: String) -> String {
        output.firstMatch(of: /satisfies the requirement (\S+)/).map { String($0.1) } ?? "it"
    }

    /// Versions that begin like the wanted one; registries list hundreds.
    static func near(_ versions: [String], to requirement: String) -> String {
        let wanted = requirement.split(separator: "=").last.map(String.init) ?? ""
        let major = wanted.split(separator: ".").first.map(String.init) ?? ""
        let similar = versions.filter { $0 == major || $0.hasPrefix(major + ".") }
        let shown = Array((similar.isEmpty ? versions : similar).suffix(8))
        return (versions.count > shown.count ? "among others " : "") + shown.joined(separator: ", ")
    }
}
