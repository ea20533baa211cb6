import Fleet
import Planning
import Ports

/// One issuer of the plan with all that is done for it.
struct IssuerDesk: Sendable {
    /// A desk whose terms did not change lives on through a reload, and its keys with it.
    struct Terms: Sendable, Equatable {
        var issuer: RefresherPlan.Issuer
        var staleLimit: Seconds
        var forcedEvery: Seconds
        var pem: [UInt8]?
    }

    let terms: Terms
    let keeper: KeyKeeper?
    let introspector: Introspector?

    init(_ terms: Terms, _ world: RefresherWorld, http: IssuerHTTP, trust: IssuerTrust) {
        self.terms = terms
        let issuer = terms.issuer
        func locator(_ source: RefresherPlan.Source, _ member: String) -> EndpointLocator {
            EndpointLocator(
                issuer: issuer.url, source: source, member: member, http: http, trust: trust, time: world.time)
        }
        keeper = issuer.keys.map { source in
            let locator = locator(source, "jwks_uri")
            return KeyKeeper(
                issuer: issuer.url,
                policy: KeyRefreshMachine.Policy(forcedEvery: terms.forcedEvery, staleLimit: terms.staleLimit),
                time: world.time, dice: world.dice, log: world.log
            ) { () async throws(IssuerFault) in
                try await Self.fetch(locator, http, trust)
            }
        }
        introspector = issuer.introspection.map {
            Introspector(
                issuer: issuer.url, clientID: $0.clientID, secretFile: $0.secretFile,
                locator: locator($0.endpoint, "introspection_endpoint"), http: http, trust: trust)
        }
    }

    func health() async -> RefresherHealth.Issuer {
        let keys = await keeper?.health()
        let reasons = [keys?.reason ?? "", introspector?.secretFault ?? ""].filter { !$0.isEmpty }
        return RefresherHealth.Issuer(
            issuer: terms.issuer.url, fetchedAt: keys?.fetchedAt, reason: reasons.joined(separator: "; "))
    }

    private static func fetch(
        _ locator: EndpointLocator, _ http: IssuerHTTP, _ trust: IssuerTrust
    ) async throws(IssuerFault) -> KeyKeeper.Fetched {
        let url = try await locator.locate()
        do throws(IssuerFault) {
            let answer = try await http.get(url, trust)
            return KeyKeeper.Fetched(
                keys: try PublicKeys(try answer.object()), maxAge: CacheLifetime.maxAge(answer.headers))
        } catch {
            await locator.forget()
            throw IssuerFault("\(url): \(error)", isTransport: error.isTransport)
        }
    }
}

/// What the refresher takes from the machine it runs on.
package struct RefresherWorld: Sendable {
    package var time: any Timepiece
    /// Random in 0..<1.
    package var dice: @Sendable () -> Double
    /// One event per call; never holds a secret.
    package var log: @Sendable (String) -> Void

    package init(
        time: any Timepiece, dice: @escaping @Sendable () -> Double = { .random(in: 0..<1) },
        log: @escaping @Sendable (String) -> Void
    ) {
        self.time = time
        self.dice = dice
        self.log = log
    }
}

/// The answer of `GET /healthz`.
package struct RefresherHealth: Sendable, Equatable, Codable {
    package struct Issuer: Sendable, Equatable, Codable {
        package var issuer: String
        /// Seconds since 1970; nil when there are no keys to give.
        package var fetchedAt: Double?
        /// Empty when all is well.
        package var reason: String

        package init(issuer: String, fetchedAt: Double?, reason: String) {
            self.issuer = issuer
            self.fetchedAt = fetchedAt
            self.reason = reason
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(issuer, forKey: .issuer)
            try container.encode(fetchedAt, forKey: .fetchedAt)
            try container.encode(reason, forKey: .reason)
        }
    }

    /// Of the plan that applies.
    package var revision: Int
    package var issuers: [Issuer]

    package init(revision: Int, issuers: [Issuer]) {
        self.revision = revision
        self.issuers = issuers
    }
}
