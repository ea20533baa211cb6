import Fleet

/// Genuine tokens, spelt as nobody may spell them: what two parsers read in two ways.
enum SpellingChecks {
    private static let reference = "RFC 7515 2, 7.1"

    private static func refuses(
        _ name: String, _ words: String, _ respell: @escaping @Sendable (String) -> String
    ) -> Check {
        Check("token.\(name)", "a token \(words) is refused with 401", reference, needs: [.key]) { bench in
            try await bench.send(bench.forged(words) { $0.respell = respell }).mustBeUnauthorized("a token \(words)")
        }
    }

    static let all: [Check] = [
        refuses("padding", "with = after its signature") { $0 + "=" },
        refuses("padding-inside", "with = after its payload") { text in
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            return parts.enumerated().map { $0.offset == 1 ? $0.element + "=" : $0.element }.joined(separator: ".")
        },
        refuses("spare-bits", "whose last character has spare bits set") { text in
            // Signatures have lengths that leave spare bits, except by chance of a key's size.
            let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
            guard let last = text.last, let value = alphabet.firstIndex(of: last) else { return text + "!" }
            return text.dropLast() + String(alphabet[value ^ 1])
        },
        refuses("standard-base64", "in the alphabet of plain base64") { text in
            let other = text.replacing("-", with: "+").replacing("_", with: "/")
            return other == text ? text + "/" : other
        },
        refuses("leading-dot", "with a dot before it") { "." + $0 },
        refuses("trailing-dot", "with a dot after it") { $0 + "." },
        refuses("trailing-text", "with text after it") { $0 + "x.y" },
        refuses("trailing-comma", "with a comma and another one after it") { $0 + ",x" },
        refuses("inner-space", "with a space in it") { $0.replacing(".", with: ". ", maxReplacements: 1) },
        refuses("two-parts", "without a signature part") { String($0[..<($0.lastIndex(of: ".") ?? $0.endIndex)]) },
        refuses("five-parts", "in the shape of an encrypted one") { $0 + ".AAAA.AAAA" },
        refuses("quoted", "between quotation marks") { "\"\($0)\"" },
        refuses("empty", "that is empty") { _ in "" },
        Check(
            "token.oversized", "a token of 12 KB is refused, and nothing fails", "RFC 6750 5.2; RFC 6585 5",
            needs: [.key]
        ) { bench in
            let request = try bench.forged("of 12 KB") {
                $0.claims.set("filler", .string(String(repeating: "x", count: 9000)))
            }
            try await bench.attempt(request)?.mustBeRefused("a token of 12 KB")
        },
    ]
}
