import Fleet

/// How a token is to be checked, told by its form and by what it says of itself.
package enum TokenRoute: Sendable, Equatable {
    /// By its signature, with a key of this issuer.
    case verify(CompactToken, GatePolicy.Issuer)
    /// By asking this issuer.
    case introspect(GatePolicy.Issuer)
    case refuse(TokenFault)

    package init(_ token: String, issuers: [GatePolicy.Issuer]) {
        if let issuer = Self.issuerToAsk(token, issuers) {
            self = .introspect(issuer)
            return
        }
        do throws(TokenFault) {
            self = try Self.route(try CompactToken.read(token), issuers)
        } catch {
            self = .refuse(error)
        }
    }

    /// The tokens of an issuer without keys are opaque to us also when they look like a JWT: how they are
    /// signed, perhaps with a secret of its own (HS256), is the issuer's affair.
    private static func issuerToAsk(_ token: String, _ issuers: [GatePolicy.Issuer]) -> GatePolicy.Issuer? {
        let asked = issuers.filter { $0.keys == .none && $0.introspection }
        guard !asked.isEmpty, let named = CompactToken.issuer(named: token) else { return nil }
        return asked.first { $0.url.isExactly(named) }
    }

    private static func route(_ token: CompactToken?, _ issuers: [GatePolicy.Issuer]) throws(TokenFault) -> TokenRoute {
        guard let token else {
            // At most one by the policy's check: an opaque token does not say whose it is.
            guard let issuer = issuers.first(where: \.introspection) else {
                throw TokenFault("the token is not a signed JWT")
            }
            return .introspect(issuer)
        }
        guard let issuer = issuers.first(where: { $0.url.isExactly(token.issuer) }) else {
            throw TokenFault("the token's issuer is not accepted")
        }
        switch issuer.keys {
        case .inline, .refresher:
            guard issuer.algorithms.contains(token.algorithm) else {
                throw TokenFault("the token's algorithm is not accepted")
            }
            return .verify(token, issuer)
        case .none:
            guard issuer.introspection else { throw TokenFault("the token's issuer is not accepted") }
            return .introspect(issuer)
        }
    }
}
