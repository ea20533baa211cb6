import Fleet

/// What a policy must fulfil before a gate applies it; the rest of Admission relies on it.
package enum GatePolicyCheck {
    /// Nil when the policy can be applied; else what is wrong with it.
    package static func fault(in policy: GatePolicy) -> String? {
        guard policy.url.hasPrefix("https://") || policy.url.hasPrefix("http://"), !policy.url.hasSuffix("/"),
            isVisible(policy.url)
        else { return "url is not an http(s) URL without a trailing slash" }
        guard (0...300).contains(policy.leeway.value) else { return "leeway is not within 0...300 seconds" }
        for pool in policy.pools {
            guard isName(pool.name) else { return "the name of a pool has other characters than A-Z a-z 0-9 - _" }
            guard pool.sessions.allSatisfy(isName) else { return "a session tag of pool \(pool.name) is malformed" }
            guard isScope(pool.scope) else { return "the scope of pool \(pool.name) is malformed" }
        }
        guard Set(policy.pools.map(\.name)).count == policy.pools.count else { return "a pool is there twice" }
        guard policy.issuers.allSatisfy({ isVisible($0.url) }) else { return "an issuer's URL is malformed" }
        guard Set(policy.issuers.map(\.url)).count == policy.issuers.count else { return "an issuer is there twice" }
        return nil
    }

    private static func isVisible(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (0x61...0x7a).contains($0 | 0x20) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-")
                    || $0 == UInt8(ascii: "_")
            }
    }

    /// RFC 6749, 3.3: one scope-token.
    private static func isScope(_ text: String) -> Bool {
        isVisible(text) && !text.utf8.contains(0x22) && !text.utf8.contains(0x5c)
    }
}
