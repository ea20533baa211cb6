import Admission
import Crypto
import Fleet
import FoundationEssentials

/// Tokens that are good only with a key of their holder's: stolen, they must be worth nothing.
enum BoundChecks {
    private static let certificate = "RFC 8705 3"
    private static let dpop = "RFC 9449 7"

    static let all: [Check] = unproved + proofOfKey + certified

    private static func bound(_ bench: Bench, _ words: String, _ confirmation: JSONValue) throws -> Request {
        try bench.forged(words) { $0.claims.set("cnf", confirmation) }
    }

    private static func bound(_ bench: Bench, to thumbprint: String) throws -> Request {
        try bound(bench, "bound to a certificate", .object(["x5t#S256": .string(thumbprint)]))
    }

    private static let unproved: [Check] = [
        Check(
            "bound.without-certificate", "a token bound to a certificate is 401 without it", certificate, needs: [.key]
        ) { bench in
            try await bench.send(bound(bench, to: ClientIdentity.stranger().thumbprint)).mustBeUnauthorized("it")
        },
        Check("bound.certificate-in-header", "a certificate in a header proves nothing", "RFC 9440 4", needs: [.key]) {
            bench in
            let stranger = try ClientIdentity.stranger()
            let pem = "-----BEGIN%20CERTIFICATE-----%0A\(escaped(stranger.base64))%0A-----END%20CERTIFICATE-----%0A"
            for (header, value) in [
                ("Client-Cert", ":\(stranger.base64):"), ("X-Forwarded-Client-Cert", "Cert=\"\(pem)\""),
                ("X-Convoy-Client-Certificate", pem), ("X-SSL-Client-Cert", pem), ("SSL-Client-Cert", pem),
                ("X-Client-Cert", stranger.base64), ("X-ARR-ClientCert", stranger.base64), ("SSL_CLIENT_CERT", pem),
            ] {
                let request = try bound(bench, to: stranger.thumbprint).adding(header, value)
                    .adding("X-SSL-Client-Verify", "SUCCESS")
                try await bench.send(request.saying("POST with a token bound to the certificate in \(header)"))
                    .mustBeUnauthorized("a certificate in \(header)")
            }
        },
        Check("bound.malformed", "a token whose cnf can't be understood is 401", "RFC 7800 3.1", needs: [.key]) {
            bench in
            let thumbprint = try ClientIdentity.stranger().thumbprint
            for (words, value) in [
                ("whose cnf is empty", .object([:])), ("whose cnf is text", .string(thumbprint)),
                ("whose cnf is null", .null),
                ("whose cnf is a list", .array([])), ("bound to an empty text", .object(["x5t#S256": .string("")])),
                ("bound to a number", .object(["x5t#S256": .integer(1)])),
                ("bound to half a digest", .object(["x5t#S256": .string(String(thumbprint.prefix(21)))])),
                ("bound to a list", .object(["x5t#S256": .array([.string(thumbprint)])])),
            ] as [(String, JSONValue)] {
                try await bench.send(bound(bench, words, value)).mustBeUnauthorized("a token \(words)")
            }
        },
        Check(
            "bound.unknown", "a token bound in a way that nobody knows is 401", "RFC 7800 3.1", .should, needs: [.key]
        ) { bench in
            for name in ["convoy-verify", "kid", "x5t", "jku"] {
                let request = try bound(bench, "bound by \(name)", .object([name: .string("x")]))
                try await bench.send(request).mustBeUnauthorized("a token bound by \(name)")
            }
        },
    ]

    private static let proofOfKey: [Check] = [
        Check("bound.dpop-as-bearer", "a DPoP-bound token is no bearer token", "\(dpop).2", needs: [.key]) { bench in
            try await bench.send(keyed(bench).saying("POST with a DPoP-bound token as Bearer"))
                .mustBeUnauthorized("a DPoP-bound token without its proof")
        },
        Check("bound.dpop-without-proof", "the scheme DPoP alone admits nobody", "\(dpop).1", needs: [.key]) { bench in
            try await bench.send(schemed(keyed(bench)).saying("POST with Authorization: DPoP, no proof"))
                .mustBeRefused("a DPoP-bound token without its proof")
            try await bench.send(schemed(bench.good()).saying("POST with a plain token and Authorization: DPoP"))
                .mustBeRefused("a plain token under the scheme DPoP")
        },
        Check("bound.dpop-foreign-proof", "another key's DPoP proof admits nobody", "\(dpop).1, 4.3", needs: [.key]) {
            bench in
            let forge = try bench.needForge()
            let proof = try forge.token { draft in
                draft.header.set("typ", .string("dpop+jwt"))
                draft.header.set("kid", nil)
                draft.header.set("jwk", try forge.stranger.jwk)
                draft.claims.set("htm", .string("POST"))
                draft.claims.set("htu", .string(bench.target.url.text))
                draft.signer = .stranger
            }
            let request = try keyed(bench).adding("DPoP", proof)
            try await bench.send(request.saying("POST with a DPoP-bound token as Bearer, another key's proof"))
                .mustBeRefused("another key's proof")
            try await bench.send(schemed(request).saying("POST with Authorization: DPoP, another key's proof"))
                .mustBeRefused("another key's proof")
        },
    ]

    private static func keyed(_ bench: Bench) throws -> Request {
        let digest = SHA256.hash(data: Data("convoy-verify".utf8))
        return try bound(bench, "bound to a key", .object(["jkt": .string(Base64URL.encode(Array(digest)))]))
    }

    private static func schemed(_ request: Request) throws -> Request {
        let value = request.headers.first { $0.name == "Authorization" }?.value ?? ""
        return request.with("Authorization", "DPoP" + value.dropFirst("Bearer".count))
    }

    private static func check(
        _ name: String, _ title: String, _ severity: Check.Severity = .must,
        run: @escaping @Sendable (Bench, CertifiedClient) async throws -> Void
    ) -> Check {
        Check("bound.\(name)", title, certificate, severity, needs: [.key, .tls, .certificate]) { bench in
            guard let client = bench.certified else { return }
            try await run(bench, client)
        }
    }

    private static let certified: [Check] = [
        check("with-certificate", "a token is admitted with the certificate it is bound to") { bench, client in
            let request = try bound(bench, to: client.identity.thumbprint)
                .saying("POST with a token bound to the client certificate, and with that")
            try await bench.send(request, over: client.wire).mustBeAdmitted("the token with its certificate")
        },
        check("own-without-certificate", "the same token is 401 without it") { bench, client in
            try await bench.send(bound(bench, to: client.identity.thumbprint)).mustBeUnauthorized("it")
        },
        check("other-certificate", "a token bound to another certificate is 401") { bench, client in
            let request = try bound(bench, to: ClientIdentity.stranger().thumbprint)
                .saying("POST with a token bound to another certificate than is shown")
            try await bench.send(request, over: client.wire).mustBeUnauthorized("the token")
        },
        check("wrong-certificate", "a certificate that nobody certified proves nothing") { bench, client in
            let request = try bound(bench, to: client.identity.thumbprint)
                .saying("POST with a bound token and somebody's self-signed certificate")
            // Ending the handshake is a refusal as well.
            guard let reply = try? await bench.once(request, over: client.strangerWire) else { return }
            try reply.mustBeRefused("the token with somebody's self-signed certificate")
        },
        check("certificate-and-key", "a token bound to a certificate and a key needs both", .should) { bench, client in
            let digest = Base64URL.encode(Array(SHA256.hash(data: Data("convoy-verify".utf8))))
            let both: JSONValue = .object([
                "x5t#S256": .string(client.identity.thumbprint), "jkt": .string(digest),
            ])
            try await bench.send(bound(bench, "bound to a certificate and a key", both), over: client.wire)
                .mustBeUnauthorized("the token without the key's proof")
        },
        check("plain-token", "a certificate keeps no unbound token out, and lets no bad one in", .should) {
            bench, client in
            let words = "and a client certificate"
            try await bench.send(bench.good().saying("POST with a good token \(words)"), over: client.wire)
                .mustBeAdmitted("an unbound token with a certificate")
            try await bench.send(bench.bare().saying("POST without a token, with a certificate"), over: client.wire)
                .mustBeUnauthorized("a certificate without a token")
        },
    ]

    /// Base64 within a percent-encoded text.
    private static func escaped(_ base64: String) -> String {
        base64.replacing("+", with: "%2B").replacing("/", with: "%2F").replacing("=", with: "%3D")
    }
}
