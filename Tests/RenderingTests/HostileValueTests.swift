import Fleet
import Testing

@testable import Rendering

@Suite("Hostile values never reach the configuration")
struct HostileValueTests {
    typealias Field = (name: String, path: any WritableKeyPath<EdgePlan, String> & Sendable)

    /// Every string of a plan that is rendered, as a way to change it.
    static let fields: [Field] = [
        ("fleet", \.fleet),
        ("url", \.edge.url),
        ("address", \.edge.listen.address),
        ("pool name", \.pools[0].name),
        ("scope", \.pools[0].scope),
        ("upstream path", \.pools[0].upstreamPath),
        ("upstream host", \.pools[0].hostile),
        ("certificate", \.edge.certificate),
        ("key", \.edge.key),
        ("issuer", \.edge.issuer),
        ("client certificates", \.edge.clients),
        ("stapling", \.edge.stapled),
        ("configuration", \.paths.configuration),
        ("user", \.hostileUser),
        ("gate socket", \.paths.gateSocket),
        ("runtime", \.paths.runtime),
        ("access log", \.paths.accessLog),
        ("error log", \.paths.errorLog),
    ]

    static let hostile = ["\"", "'", "\\", ";", "{", "}", "$", "\n", "\r", "\t", "\0", "`", "\u{2028}", "\u{7F}"]

    @Test("a quote, brace, semicolon, dollar or control character in any value is refused", arguments: fields)
    func refused(_ field: Field) {
        for character in Self.hostile {
            for _ in 0..<5 {
                var plan = PlanExamples.plan("client-certificates")
                var value = Array(plan[keyPath: field.path])
                value.insert(contentsOf: character, at: Int.random(in: 0...value.count))
                plan[keyPath: field.path] = String(value)
                #expect(throws: Failure.self, "\(field.name) \(value)") { try EdgeRenderer.render(plan) }
            }
        }
    }

    @Test("whatever is accepted changes no directive", arguments: fields)
    func sameDirectives(_ field: Field) throws {
        let reference = try Self.punctuation(PlanExamples.plan("client-certificates"))
        var accepted = 0
        for _ in 0..<100 {
            var plan = PlanExamples.plan("client-certificates")
            let noise = (0..<Int.random(in: 1...6)).map { _ in
                Character(Unicode.Scalar(UInt8.random(in: 0x01...0x7E)))
            }
            plan[keyPath: field.path] += String(noise)
            guard let found = try? Self.punctuation(plan) else { continue }
            accepted += 1
            #expect(found == reference, "\(field.name) \(plan[keyPath: field.path])")
        }
        if field.name != "address" { #expect(accepted > 0, "\(field.name) never accepted anything") }
    }

    @Test("the refusal says which value, and shows it in one harmless line")
    func says() {
        var plan = PlanExamples.plan("one-pool")
        plan.pools[0].scope = "x';\nreturn 200"
        let failure = #expect(throws: Failure.self) { try EdgeRenderer.render(plan) }
        #expect(failure?.why.hasPrefix("pool analytics: scope: ") == true)
        #expect(failure?.why.contains("\n") == false)
    }

    @Test("ports and slots that clash, or are out of range, are refused")
    func clashes() {
        for change: @Sendable (inout EdgePlan) -> Void in [
            { $0.pools[0].slots[0].port = $0.pools[0].slots[4].port }, { $0.pools[0].slots[0].port = 8420 },
            { $0.pools[0].slots[0].port = 0 }, { $0.pools[0].slots[0].port = 70000 },
            { $0.pools[0].slots[0].slot = 2 }, { $0.pools[0].slots[0].slot = 65 },
            { $0.pools[0].slots[0].slot = 0 }, { $0.pools.append($0.pools[0]) }, { $0.edge.listen.port = 0 },
            { $0.paths.gateSocket = "/" + String(repeating: "x", count: 107) },
        ] {
            var plan = PlanExamples.plan("one-pool")
            change(&plan)
            #expect(throws: Failure.self) { try EdgeRenderer.render(plan) }
        }
    }

    /// All that gives a configuration its structure.
    private static func punctuation(_ plan: EdgePlan) throws -> [Character] {
        try EdgeRenderer.render(plan)[0].content.filter { "\"'\\;{}$\n".contains($0) }.map { $0 }
    }
}

extension EdgePlan.Pool {
    fileprivate var hostile: String {
        get { upstreamHost ?? "127.0.0.1" }
        set { upstreamHost = newValue }
    }
}

extension EdgePlan {
    fileprivate var hostileUser: String {
        get { user ?? "" }
        set { user = newValue }
    }
}

extension EdgeSpec {
    fileprivate var certificate: String {
        get { tls?.certificate ?? "" }
        set { tls?.certificate = newValue }
    }
    fileprivate var key: String {
        get { tls?.key ?? "" }
        set { tls?.key = newValue }
    }
    fileprivate var clients: String {
        get { tls?.clientCertificates ?? "/x" }
        set { tls?.clientCertificates = newValue }
    }
    fileprivate var stapled: String {
        get { tls?.stapling ?? "/x" }
        set { tls?.stapling = newValue }
    }
    fileprivate var issuer: String {
        get { authorization.issuers.first?.url ?? "" }
        set { authorization = .issuer(url: newValue, jwks: .discover) }
    }
}
