import Admission
import Fleet
import Planning
import Ports

/// Finds one endpoint of an issuer in its metadata and remembers it for a while. Those who ask at
/// the same time share one search.
actor EndpointLocator {
    private struct Found {
        var result: Result<TrustedURL, IssuerFault>
        var until: Seconds
    }

    private let issuer: String
    private let source: RefresherPlan.Source
    private let member: String
    private let http: IssuerHTTP
    private let trust: IssuerTrust
    private let time: any Timepiece
    private var found: Found?
    private var search: Task<Result<TrustedURL, IssuerFault>, Never>?

    /// `member` is the endpoint's name in the metadata, such as `jwks_uri`.
    init(
        issuer: String, source: RefresherPlan.Source, member: String, http: IssuerHTTP, trust: IssuerTrust,
        time: any Timepiece
    ) {
        self.issuer = issuer
        self.source = source
        self.member = member
        self.http = http
        self.trust = trust
        self.time = time
    }

    func locate() async throws(IssuerFault) -> TrustedURL {
        if let found, time.now() < found.until { return try found.result.get() }
        if let search { return try await search.value.get() }
        let search = Task { await find() }
        self.search = search
        let result = await search.value
        self.search = nil
        // A failure is remembered for a moment: a crowd of questions must not become a crowd of searches.
        let lifetime = if case .success = result { 3600.0 } else { 1.0 }
        found = Found(result: result, until: Seconds(time.now().value + lifetime))
        return try result.get()
    }

    /// The endpoint did not answer as it should: it may have moved.
    func forget() { found = nil }

    private func find() async -> Result<TrustedURL, IssuerFault> {
        do throws(IssuerFault) {
            switch source {
            case .url(let text): return .success(try Self.trusted(text, plainLoopback: true))
            case .discover: return .success(try await discover())
            }
        } catch { return .failure(error) }
    }

    private func discover() async throws(IssuerFault) -> TrustedURL {
        let base = try Self.trusted(issuer, plainLoopback: true)
        var reasons: [String] = []
        for candidate in WellKnown.candidates(issuer: issuer, base.url) {
            do throws(IssuerFault) {
                return try await endpoint(in: try Self.trusted(candidate, plainLoopback: true), base.url)
            } catch {
                if error.isTransport { throw error }
                reasons.append("\(candidate): \(error)")
            }
        }
        throw IssuerFault("no metadata that names its \(member): " + reasons.joined(separator: "; "))
    }

    private func endpoint(in place: TrustedURL, _ base: WebURL) async throws(IssuerFault) -> TrustedURL {
        let document = try await http.get(place, trust).object()
        guard let stated = document["issuer"]?.stringValue else { throw IssuerFault("it names no issuer") }
        // RFC 8414, 3.3: else one issuer could speak for another.
        guard stated.isExactly(issuer) else { throw IssuerFault("it is the metadata of \(stated.quoted)") }
        guard let text = document[member]?.stringValue else { throw IssuerFault("it names no \(member)") }
        // An issuer elsewhere has no business with the ports of this machine.
        return try Self.trusted(text, plainLoopback: base.isLoopback)
    }

    private static func trusted(_ text: String, plainLoopback: Bool) throws(IssuerFault) -> TrustedURL {
        do throws(Problem) { return try TrustedURL(parsing: text, plainLoopback: plainLoopback) } catch {
            throw IssuerFault("\(error)")
        }
    }
}
