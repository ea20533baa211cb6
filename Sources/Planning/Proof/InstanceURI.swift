import Fleet

/// Builds an instance user's connection string from the fleet's `database.uri`: the same servers and
/// options, logging in as that user. Users live in `ProofJudge.userDatabase`, and only SCRAM-SHA-256
/// is offered, so that nothing in between can talk a client down to a weaker login.
package enum InstanceURI {
    /// Throws a `Failure` when `base` is no connection string, carries credentials, or asks for
    /// another kind of login. No error quotes `base`.
    package static func make(base: String, user: String, password: Secret) throws -> Secret {
        guard let scheme = ["mongodb://", "mongodb+srv://"].first(where: base.hasPrefix) else {
            throw failure("it must start with mongodb:// or mongodb+srv://")
        }
        let rest = base.dropFirst(scheme.count)
        let servers = rest.prefix { $0 != "/" && $0 != "?" }
        let tail = rest.dropFirst(servers.count)
        let path = tail.prefix { $0 != "?" }
        let query = tail.dropFirst(path.count + 1)
        guard !servers.isEmpty else { throw failure("it names no server") }
        guard !servers.contains("@") else { throw failure("it carries credentials; Convoy adds each instance's own") }
        let options = try kept(query.split(separator: "&"))
        let login = ["authSource=\(ProofJudge.userDatabase)", "authMechanism=SCRAM-SHA-256"]
        let credentials = "\(encoded(user)):\(encoded(password.reveal()))@"
        let address = "\(servers)\(path.isEmpty ? "/" : path)"
        return Secret("\(scheme)\(credentials)\(address)?\((options + login).joined(separator: "&"))")
    }

    private static func kept(_ options: [Substring]) throws -> [String] {
        try options.compactMap { option in
            let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count == 2 ? String(parts[1]) : ""
            switch parts[0].lowercased() {
            case "authsource":
                guard value == ProofJudge.userDatabase else {
                    throw failure("instance users live in database admin, so authSource must be admin or absent")
                }
                return nil
            case "authmechanism":
                guard value == "SCRAM-SHA-256" else {
                    throw failure("instance users log in by SCRAM-SHA-256, so authMechanism must be that or absent")
                }
                return nil
            default: return String(option)
            }
        }
    }

    private static func failure(_ why: String) -> Failure {
        Failure(.badSpec, "cannot use database.uri", because: why, next: "correct database.uri in the fleet file")
    }

    /// Everything but RFC 3986's unreserved characters is percent-encoded: drivers disagree about the
    /// others.
    private static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { result, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.append(Character(Unicode.Scalar(byte)))
            default:
                result += "%"
                result.append(digits[Int(byte >> 4)])
                result.append(digits[Int(byte & 15)])
            }
        }
    }
}
