import Admission
import Fleet

/// Good claims under signatures that prove nothing.
enum SignatureChecks {
    private static let jws = "RFC 7515 5.2"
    private static let algorithms = "RFC 8725 3.1"

    private static func refuses(
        _ name: String, _ words: String, _ reference: String,
        _ change: @escaping @Sendable (inout TokenDraft, TokenForge) throws -> Void
    ) -> Check {
        Check("token.\(name)", "a token \(words) is refused with 401", reference, needs: [.key]) { bench in
            let forge = try bench.needForge()
            try await bench.send(bench.forged(words) { try change(&$0, forge) }).mustBeUnauthorized("a token \(words)")
        }
    }

    static let all: [Check] = signatures + nones + confusions

    private static let signatures: [Check] = [
        refuses("stranger", "signed by a key that the issuer does not have", jws) { draft, _ in draft.signer = .stranger
        },
        refuses("signature-bit", "with one bit of the signature turned", jws) { draft, _ in
            draft.respell = { edit(signatureOf: $0) { $0[$0.count / 2] ^= 1 } }
        },
        refuses("signature-truncated", "with half of its signature", jws) { draft, _ in
            draft.respell = { edit(signatureOf: $0) { $0.removeLast($0.count / 2) } }
        },
        refuses("signature-empty", "with an empty signature", jws) { draft, _ in draft.signer = .bytes([]) },
        refuses("signature-zero", "whose signature is all zero", "CVE-2022-21449; RFC 7518 3.4") { draft, _ in
            draft.respell = { edit(signatureOf: $0) { $0 = [UInt8](repeating: 0, count: $0.count) } }
        },
        refuses("signature-extended", "with bytes after its signature", jws) { draft, _ in
            draft.respell = { edit(signatureOf: $0) { $0 += [0, 0, 0] } }
        },
        refuses("signature-der", "whose ECDSA signature is in ASN.1", "RFC 7518 3.4") { draft, forge in
            guard try forge.key.signatureInDER([]) != nil else { throw Skip("the issuer's key is no ECDSA key") }
            let key = forge.key
            draft.respell = { text in
                let signed = text[..<(text.lastIndex(of: ".") ?? text.endIndex)]
                let der = (try? key.signatureInDER(Array(signed.utf8))) ?? nil
                return signed + "." + Base64URL.encode(der ?? [])
            }
        },
        refuses("signature-of-another", "with the signature of another token", jws) { draft, forge in
            let other = try forge.token(subject: "somebody else")
            draft.respell = {
                $0[..<($0.lastIndex(of: ".") ?? $0.endIndex)] + "." + (other.split(separator: ".").last ?? "")
            }
        },
        refuses("key-unknown", "whose kid nobody knows", "RFC 7515 4.1.4") { draft, _ in
            draft.header.set("kid", .string("convoy-verify-unknown"))
            draft.signer = .stranger
        },
        refuses("key-id-path", "whose kid is a path to an empty file", "RFC 8725 3.10") { draft, _ in
            draft.header.set("kid", .string("../../../../../../dev/null"))
            draft.signer = .hmac(key: [])
            draft.header.set("alg", .string("HS256"))
        },
        refuses("key-id-no-text", "whose kid is a number", "RFC 7515 4.1.4") { draft, _ in
            draft.header.set("kid", .integer(1))
        },
    ]

    private static func none(_ name: String, _ spelling: JSONValue?, _ words: String, signed: Bool = false) -> Check {
        refuses(name, words, "RFC 8725 3.1, 3.2; RFC 7518 3.6") { draft, _ in
            draft.header.set("alg", spelling)
            if !signed { draft.signer = .bytes([]) }
        }
    }

    private static let nones: [Check] = [
        none("alg-none", .string("none"), "with alg none and no signature"),
        none("alg-none-upper", .string("NONE"), "with alg NONE"),
        none("alg-none-capital", .string("None"), "with alg None"),
        none("alg-none-mixed", .string("nOnE"), "with alg nOnE"),
        none("alg-none-space", .string("none "), "with alg none and a space"),
        none("alg-none-signed", .string("none"), "with alg none and a genuine signature", signed: true),
        none("alg-absent", nil, "without alg", signed: true),
        none("alg-empty", .string(""), "with an empty alg"),
        none("alg-null", .null, "whose alg is null"),
        none("alg-list", .array([.string("none")]), "whose alg is a list"),
    ]

    private static func hmac(
        _ name: String, _ words: String, _ secret: @escaping @Sendable (TokenForge) throws -> [UInt8]
    ) -> Check {
        refuses(name, "signed by HS256 with \(words)", algorithms) { draft, forge in
            draft.header.set("alg", .string("HS256"))
            draft.signer = .hmac(key: try secret(forge))
        }
    }

    private static let confusions: [Check] = [
        hmac("hs256-public-pem", "the public key in PEM as secret") { Array($0.key.publicPEM.utf8) },
        hmac("hs256-public-pem-trimmed", "the public PEM without its last line end") {
            Array($0.key.publicPEM.utf8.dropLast())
        },
        hmac("hs256-public-der", "the public key in DER as secret") { $0.key.publicDER },
        hmac("hs256-public-jwk", "the public JWK as secret") { Array(Members.text(try $0.key.jwk).utf8) },
        hmac("hs256-public-number", "the public key's first number as secret") {
            let jwk = try $0.key.jwk
            return Array((jwk["n"] ?? jwk["x"])?.stringValue?.utf8 ?? "".utf8)
        },
        hmac("hs256-empty", "an empty secret") { _ in [] },
        refuses("alg-mismatch", "whose alg is not that of its key", "RFC 8725 3.1") { draft, forge in
            draft.header.set("alg", .string(forge.key.algorithm.hasPrefix("E") ? "RS256" : "ES256"))
        },
        refuses("alg-unknown", "with an alg that does not exist", "RFC 7515 4.1.1") { draft, _ in
            draft.header.set("alg", .string("XS256"))
        },
        refuses("alg-case", "whose alg is in lower case", "RFC 7515 4.1.1") { draft, forge in
            draft.header.set("alg", .string(forge.key.algorithm.lowercased()))
        },
    ]

    private static func edit(signatureOf text: String, _ change: (inout [UInt8]) -> Void) -> String {
        let dot = text.lastIndex(of: ".") ?? text.startIndex
        var signature = Base64URL.decode(Array(text[text.index(after: dot)...].utf8)) ?? [0]
        change(&signature)
        return text[...dot] + Base64URL.encode(signature)
    }
}
