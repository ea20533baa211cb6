/// The channel itself.
enum TLSChecks {
    private static let profile = "RFC 9325 3.1; Mozilla intermediate"

    static let all: [Check] = [
        refused(.v10), refused(.v11),
        Check("tls.modern-versions", "TLS 1.2 or 1.3 is spoken", profile, needs: [.tls]) { bench in
            var reasons: [String] = []
            for version in [TLSRelease.v13, .v12] {
                guard let reason = try await shake(bench, version, name: false) else { return }
                reasons.append("\(version.rawValue): \(reason)")
            }
            throw Fault(
                "neither is spoken", sent: "ClientHello of TLS 1.3, then of 1.2", seen: reasons.joined(separator: "; "))
        },
        Check(
            "tls.certificate", "the certificate is valid and for this name", "RFC 9110 4.3.4; RFC 9525", needs: [.tls]
        ) { bench in
            guard let reason = try await shake(bench, .v12, name: true),
                let other = try await shake(bench, .v13, name: true)
            else { return }
            throw Fault(
                "it is not trusted", sent: "ClientHello for \(bench.target.url.host)", seen: "\(reason); \(other)")
        },
        Check("tls.hsts", "Strict-Transport-Security comes with every answer", "RFC 6797 7.1", needs: [.tls]) { bench in
            for request in [
                bench.bare(), bench.get("/.well-known/oauth-protected-resource\(bench.target.url.path)"),
                bench.get("/convoy-verify-nothing"),
            ] {
                let reply = try await bench.send(request)
                let ages = reply.answer.values("Strict-Transport-Security").compactMap { text in
                    text.split(separator: ";").lazy.map(\.trimmed).first { $0.lowercased().hasPrefix("max-age=") }
                        .flatMap { Int($0.dropFirst(8)) }
                }
                guard ages.count == 1, ages[0] >= 15_768_000 else {
                    throw reply.fault("there is no Strict-Transport-Security of half a year or more")
                }
            }
        },
    ]

    private static func refused(_ version: TLSRelease) -> Check {
        Check("tls.no-\(version.rawValue)", "TLS \(version.rawValue) is refused", "RFC 8996", needs: [.tls]) { bench in
            if try await shake(bench, version, name: false) == nil {
                throw Fault(
                    "the handshake succeeded", sent: "ClientHello of TLS \(version.rawValue)",
                    seen: "a finished handshake")
            }
        }
    }

    private static func shake(_ bench: Bench, _ version: TLSRelease, name: Bool) async throws -> String? {
        do { return try await bench.wire.handshake(version, verifyingName: name) } catch {
            throw Fault("there is no connection", sent: "ClientHello of TLS \(version.rawValue)", seen: error.reason)
        }
    }
}
