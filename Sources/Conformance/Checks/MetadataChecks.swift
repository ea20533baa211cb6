import Fleet

/// Protected Resource Metadata (RFC 9728), which a client reads before it has any token.
enum MetadataChecks {
    private static let wellKnown = "/.well-known/oauth-protected-resource"

    static let all: [Check] = places + contents + lures

    private static func inserted(_ bench: Bench) -> String { wellKnown + bench.target.url.path }

    private static func document(_ bench: Bench) async throws -> Reply {
        try await bench.send(bench.get(inserted(bench))).must(be: 200, orElse: "the document is not served")
    }

    private static func names(_ bench: Bench, at path: String) async throws -> Reply {
        let reply = try await bench.send(bench.get(path)).must(be: 200, orElse: "no document is served there")
        guard reply.answer.json?["resource"]?.stringValue == bench.target.url.text else {
            throw reply.fault("its resource is not exactly \(bench.target.url.text)")
        }
        return reply
    }

    private static let places: [Check] = [
        Check("metadata.path-inserted", "the document is at the well-known path before the resource's", "RFC 9728 3.1")
        { bench in
            _ = try await names(bench, at: inserted(bench))
        },
        Check(
            "metadata.path-suffixed", "the document is below the resource, too", "clients that append the path", .should
        ) { bench in
            _ = try await names(bench, at: bench.target.url.path + wellKnown)
        },
        Check(
            "metadata.root", "the root document tells of this resource, or there is none",
            "MCP Authorization; RFC 9728 3.1"
        ) { bench in
            let reply = try await bench.send(bench.get(wellKnown))
            if reply.status == 404, !bench.target.isAlone { return }
            _ = try reply.must(be: 200, orElse: "no document is served at the root, though there is one resource only")
            let resource = reply.answer.json?["resource"]?.stringValue ?? ""
            guard
                resource == bench.target.url.text
                    || (!bench.target.isAlone && resource.hasPrefix(bench.target.url.origin))
            else { throw reply.fault("its resource is not exactly \(bench.target.url.text)") }
        },
        Check("metadata.unknown-resource", "there is no document for a resource that is not there", "RFC 9728 3.1") {
            bench in
            let reply = try await bench.send(bench.get(wellKnown + "/convoy-verify/nothing"))
            try reply.must(be: 404, orElse: "a resource that is not there has a document")
        },
        Check("metadata.same-everywhere", "the documents at all places are the same", "RFC 9728 3.3") { bench in
            let first = try await document(bench)
            for path in [bench.target.url.path + wellKnown, wellKnown] {
                let other = try await bench.send(bench.get(path))
                guard other.status == 200, other.answer.json?["resource"] == first.answer.json?["resource"] else {
                    continue
                }
                if other.answer.json != first.answer.json {
                    throw other.fault("it differs from the one at \(inserted(bench))")
                }
            }
        },
    ]

    private static let contents: [Check] = [
        Check("metadata.content-type", "the document is application/json", "RFC 9728 3.2") { bench in
            let reply = try await document(bench)
            guard reply.answer.mediaType == "application/json" else { throw reply.fault("it is not application/json") }
        },
        Check(
            "metadata.resource-exact", "resource is the URL that clients use, to the byte",
            "RFC 9728 3.3; MCP, Canonical Server URI"
        ) { bench in
            _ = try await names(bench, at: inserted(bench))
        },
        Check("metadata.scheme", "no http:// URL of this origin is told behind TLS", "RFC 9728 2", needs: [.tls]) {
            bench in
            let reply = try await document(bench)
            guard !reply.answer.text.contains("http://\(bench.target.url.host)") else {
                throw reply.fault("it has an http:// URL")
            }
        },
        Check("metadata.plain-http-is-loopback", "plain HTTP is served on loopback only", "RFC 9728 2; RFC 6750 5.2") {
            bench in
            if bench.target.url.isTLS || bench.target.url.isLoopback { return }
            throw Fault(
                "tokens travel in clear text", sent: "nothing", seen: "the edge's URL is \(bench.target.url.origin)")
        },
        Check(
            "metadata.authorization-servers", "it names at least one authorization server by URL",
            "RFC 9728 2; MCP Authorization"
        ) { bench in
            let reply = try await document(bench)
            let servers = reply.answer.json?["authorization_servers"]?.arrayValue ?? []
            guard !servers.isEmpty,
                servers.allSatisfy({
                    $0.stringValue?.hasPrefix("https://") == true || $0.stringValue?.hasPrefix("http://") == true
                })
            else { throw reply.fault("authorization_servers is missing, empty or no list of URLs") }
        },
        Check(
            "metadata.scopes-supported", "it lists the scope that is needed", "RFC 9728 2; MCP, Scope Selection",
            needs: [.scope]
        ) { bench in
            let reply = try await document(bench)
            guard reply.answer.json?["scopes_supported"]?.arrayValue?.contains(.string(bench.target.scope)) == true
            else {
                throw reply.fault("scopes_supported does not list \(bench.target.scope)")
            }
        },
        Check("metadata.no-offline-access", "it does not ask for offline_access", "MCP Authorization, Refresh Tokens") {
            bench in
            let reply = try await document(bench)
            guard reply.answer.json?["scopes_supported"]?.arrayValue?.contains(.string("offline_access")) != true else {
                throw reply.fault("scopes_supported lists offline_access, which is the client's affair")
            }
        },
        Check("metadata.header-only", "it promises bearer tokens in the header only", "RFC 9728 2; OAuth 2.1 5.1") {
            bench in
            let reply = try await document(bench)
            let methods = reply.answer.json?["bearer_methods_supported"]
            guard methods == nil || methods == .array([.string("header")]) else {
                throw reply.fault("bearer_methods_supported allows more than the header")
            }
        },
        Check("metadata.cors", "pages of any origin may read it", "RFC 9728 3.1", .should) { bench in
            let reply = try await bench.send(bench.get(inserted(bench)).with("Origin", "https://client.example"))
            guard reply.status == 200, reply.answer["Access-Control-Allow-Origin"] == "*" else {
                throw reply.fault("there is no Access-Control-Allow-Origin: *")
            }
        },
    ]

    private static let lures: [Check] = [
        Check("metadata.host-not-believed", "a foreign Host does not get into the document", "RFC 9728 7.3", .must) {
            bench in
            let request = bench.get(inserted(bench)).with("Host", "evil.example").saying(
                "GET of the metadata, Host: evil.example")
            if let reply = try await bench.attempt(request), reply.answer.text.contains("evil.example") {
                throw reply.fault("the document repeats the client's Host")
            }
        },
        Check("metadata.forwarded-host-not-believed", "X-Forwarded-Host does not get into the document", "RFC 9728 7.3")
        { bench in
            let request = bench.get(inserted(bench)).with("X-Forwarded-Host", "evil.example").with(
                "X-Forwarded-Proto", "http"
            )
            .with("Forwarded", "host=evil.example;proto=http")
            let reply = try await bench.send(request.saying("GET of the metadata, X-Forwarded-Host: evil.example"))
            guard reply.answer.json?["resource"]?.stringValue == bench.target.url.text else {
                throw reply.fault("the document is not the same with X-Forwarded-Host")
            }
        },
    ]
}
