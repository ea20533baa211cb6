import ArgumentParser
import Conformance
import Fleet
import Foundation
import Supervision

/// How `convoy verify` reaches an edge, and whose tokens it brings.
struct EdgeOptions: ParsableArguments {
    @Option(help: "Verify this MCP endpoint instead of a fleet's.")
    var url: String?

    @Option(help: "Private key of the issuer, PEM or JWK, in a file that only you can read.")
    var issuerKey: String?

    @Option(help: "The `iss` of its tokens.")
    var issuer: String?

    @Option(help: "The `kid` of that key; default: the JWK's own.")
    var kid: String?

    @Option(help: "The `alg` that it signs with; default: the JWK's own, else the usual one.")
    var algorithm: String?

    @Option(help: "The `aud` that admits; default: the URL.")
    var audience: String?

    @Option(help: "The scope that admits; without it, nothing is checked about scopes.")
    var scope: String?

    @Option(help: "The claim that scopes are in: scp, roles, realm_access.roles; [] at its end: as a list.")
    var scopeClaim: String?

    @Option(help: "A scope that does not admit here.")
    var wrongScope: String?

    @Option(help: "The `aud` of another resource of the same gateway.")
    var otherAudience: String?

    @Option(help: "Whom the tokens name; the second subject has -2 behind it.")
    var subject = "convoy-verify"

    @Option(help: "Connect to this ADDRESS:PORT, whatever the URL says.")
    var connect: String?

    @Option(name: .customLong("insecure-ca"), help: "Trust the certificates in this PEM file, too.")
    var insecureCA: String?

    @Option(help: "A client certificate (chain) that the edge trusts, PEM.")
    var clientCertificate: String?

    @Option(help: "Its private key, PEM, in a file that only you can read.")
    var clientKey: String?

    @Option(help: "A file in which requests to an instance are recorded with their headers.")
    var instanceLog: String?

    func key() throws -> SigningKey? {
        guard let issuerKey else { return nil }
        guard let text = try PosixFiles().readSecret(Workplace.absolute(issuerKey)) else {
            throw missing(issuerKey)
        }
        return try SigningKey(text, algorithm: algorithm, keyID: kid)
    }

    /// - Parameter claim: what the fleet's spec says of this issuer.
    func scopes(_ claim: String? = nil) throws -> ScopeClaim {
        try (scopeClaim ?? claim).map(ScopeClaim.init) ?? .standard
    }

    func subject(url: String, _ promises: PromiseOptions) throws -> VerifySubject {
        let key = try key()
        guard key == nil || issuer != nil else {
            throw Failure(
                .usage, "cannot verify \(url)", because: "the key's issuer is not named",
                next: "say with --issuer what `iss` the gateway expects")
        }
        let scope = scope ?? ""
        let target = Target(
            url: try EndpointURL(url), issuer: issuer ?? "", audience: audience, scope: scope,
            scopeClaim: try scopes(), wrongScope: wrongScope,
            neighbour: otherAudience.map { .init(audience: $0, scope: wrongScope ?? scope) }, isAlone: false,
            subject: subject, tools: promises.tools(), rate: try promises.rate(), clients: try promises.clients())
        return VerifySubject(target: target, key: key)
    }

    /// - Parameters:
    ///   - host: where to, unless --connect says otherwise.
    ///   - identity: shown to an edge that asks for a client certificate.
    func wire(to url: EndpointURL, at host: HostSpec? = nil, as identity: ClientIdentity? = nil) throws -> NIOWire {
        let roots = try insecureCA.map(bytes)
        let tls = url.isTLS ? NIOWire.TLS(name: url.address, roots: roots, identity: identity) : nil
        guard let connect else {
            return NIOWire(address: host?.address ?? url.address, port: url.port, tls: tls)
        }
        guard let colon = connect.lastIndex(of: ":"), let port = Int(connect[connect.index(after: colon)...]),
            (1...65535).contains(port)
        else {
            throw Failure(
                .usage, "cannot connect", because: "--connect \(connect) is no ADDRESS:PORT",
                next: "such as 127.0.0.1:8443")
        }
        let address = connect[..<colon].filter { $0 != "[" && $0 != "]" }
        return NIOWire(address: address, port: port, tls: tls)
    }

    func certified(for url: EndpointURL, at host: HostSpec? = nil) throws -> CertifiedClient? {
        switch (clientCertificate, clientKey) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            guard url.isTLS else {
                throw Failure(
                    .usage, "cannot show a client certificate", because: "\(url.text) is no https:// URL",
                    next: "leave out --client-certificate")
            }
            guard let secret = try PosixFiles().readSecret(Workplace.absolute(key)) else { throw missing(key) }
            let identity = try ClientIdentity(chain: try bytes(certificate), key: secret)
            return try CertifiedClient(identity) { try wire(to: url, at: host, as: $0) }
        default:
            throw Failure(
                .usage, "cannot show a client certificate", because: "only half of it is given",
                next: "give --client-certificate and --client-key")
        }
    }

    var sight: (any InstanceSight)? {
        guard let instanceLog else { return nil }
        let path = Workplace.absolute(instanceLog)
        return RecordFile { String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self) }
    }

    private func bytes(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: Workplace.absolute(path)) else { throw missing(path) }
        return [UInt8](data)
    }

    private func missing(_ path: String) -> Failure {
        Failure(.usage, "cannot read \(path)", because: "it is missing or may not be read", next: "name another file")
    }
}
