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
            if let also = pool.also, !((0...1).contains(also.part) && pool.active == also.colour.other) {
                return "the part of pool \(pool.name) is not within 0...1, or nobody has the rest"
            }
            if let fault = ruleFault(of: pool) { return fault + " of pool \(pool.name)" }
        }
        guard Set(policy.pools.map(\.name)).count == policy.pools.count else { return "a pool is there twice" }
        guard policy.issuers.allSatisfy({ isVisible($0.url) }) else { return "an issuer's URL is malformed" }
        guard Set(policy.issuers.map(\.url)).count == policy.issuers.count else { return "an issuer is there twice" }
        return issuerFault(in: policy.issuers)
    }

    private static func issuerFault(in issuers: [GatePolicy.Issuer]) -> String? {
        // An opaque token does not say whose it is: each would be shown the other's tokens.
        guard issuers.filter(\.introspection).count <= 1 else { return "two issuers have introspection" }
        for issuer in issuers {
            guard !issuer.algorithms.isEmpty else { return "an issuer may not use any algorithm" }
            guard issuer.audience.map(isVisible) ?? true else { return "the audience of an issuer is malformed" }
            guard issuer.scopeClaim.map(isVisible) ?? true else { return "the scope claim of an issuer is malformed" }
            guard (0...604_800).contains(issuer.staleLimit.value) else {
                return "the stale limit of an issuer is not within 0 seconds and 7 days"
            }
        }
        return nil
    }

    /// Empty lists would be read as a rule by some and as none by others.
    private static func ruleFault(of pool: GatePolicy.Pool) -> String? {
        if let tools = pool.tools,
            tools.names.isEmpty || !tools.names.allSatisfy({ !$0.isEmpty && ToolNameRule.isPlain($0) })
        {
            return "a malformed name, or none, is in the tools"
        }
        if pool.clients?.isEmpty == true { return "no address is in the clients" }
        if let rate = pool.rate, !(rate.perSecond > 0 && rate.perSecond.isFinite && rate.burst >= 1) {
            return "nothing is let through by the rate"
        }
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
