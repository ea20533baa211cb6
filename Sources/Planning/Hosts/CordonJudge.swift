import Fleet

/// Whether a host may be shut, by what else would serve then.
package enum CordonJudge {
    /// Why not, in words; nil: others take new sessions.
    ///
    /// - Parameter hosts: all of the fleet; one alone where it has one.
    package static func objection(to name: String, among hosts: [HostStatus]) -> String? {
        let others = hosts.filter { $0.name != name }
        guard !others.isEmpty else { return "it is the fleet's only host" }
        guard others.contains(where: takesNew) else {
            let words = others.map { "\($0.name) \(word($0))" }.joined(separator: ", ")
            return "no other host takes new sessions: \(words)"
        }
        return nil
    }

    private static func takesNew(_ host: HostStatus) -> Bool {
        host.answers && host.door == .open && (host.generation ?? 0) > 0 && host.reason.isEmpty
    }

    private static func word(_ host: HostStatus) -> String {
        guard host.answers else { return "does not answer" }
        guard host.door == .open else { return "is \(host.door.rawValue)" }
        return host.reason.isEmpty ? "serves nothing yet" : "can't be counted on"
    }
}
