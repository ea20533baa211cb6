extension FleetParser {
    func edge(_ node: SourceNode) -> EdgeSpec? {
        guard
            let section = reader.section(
                node, known: ["url", "listen", "tls", "authorization", "mode", "include"],
                required: ["url", "authorization"])
        else { return nil }
        let mode = section["mode"].map { self.mode($0) } ?? .dedicated
        let include = section["include"].flatMap { self.include($0, mode: mode) }
        let url = section["url"].flatMap { self.url($0) }
        let explicit = section["listen"].flatMap { self.listen($0) }
        let tls = section["tls"].flatMap { self.tls($0) }
        let authorization = section["authorization"].flatMap { self.authorization($0) }
        guard let url, let urlNode = section["url"], let text = reader.text(urlNode) else { return nil }
        if section["listen"] != nil, explicit == nil { return nil }
        let listen = explicit ?? Self.defaultListen(url)
        checkTLS(section, url)
        checkReach(section, url: url, listen: listen, authorization: authorization)
        guard let authorization else { return nil }
        return EdgeSpec(
            url: text, listen: listen, tls: tls, authorization: authorization, mode: mode ?? .dedicated,
            include: include)
    }

    static func defaultListen(_ url: WebURL) -> EdgeSpec.Listen {
        let address = url.host == "localhost" ? "127.0.0.1" : url.isLoopback ? url.host : "0.0.0.0"
        return EdgeSpec.Listen(address: address, port: url.port)
    }

    /// Nil when it was reported.
    private func mode(_ node: SourceNode) -> EdgeSpec.Mode? {
        guard let text = reader.text(node) else { return nil }
        if let mode = EdgeSpec.Mode(rawValue: text) { return mode }
        reader.report(node, "\(text.quoted) is not known here", "write dedicated or include, or remove mode")
        return nil
    }

    /// Absolute: it is that nginx's, not the fleet's.
    private func include(_ node: SourceNode, mode: EdgeSpec.Mode?) -> String? {
        if mode == .dedicated {
            reader.report(node, "is not used: the edge has an nginx of its own", "add mode: include, or remove it")
        }
        guard let path = path(node) else { return nil }
        guard path.hasPrefix("/"), path.hasSuffix(".conf") else {
            reader.report(
                node, "\(path.quoted) is no file that nginx includes",
                "write an absolute path, such as /etc/nginx/conf.d/shop.conf")
            return nil
        }
        return path
    }

    private func url(_ node: SourceNode) -> WebURL? {
        guard let text = reader.text(node),
            let url = reader.attempt(node, { () throws(Problem) in try WebURL(parsing: text) })
        else { return nil }
        let problem: Problem? =
            if url.path == "/" {
                Problem("ends in a slash", "remove it: tokens name the pool's address to the letter")
            } else if !url.path.isEmpty {
                Problem("has the path \(url.path.quoted)", "remove it: pools are served at /POOL/mcp")
            } else if let port = url.explicitPort, port == (url.scheme == "https" ? 443 : 80) {
                Problem(
                    "spells out the default port \(port)",
                    "remove :\(port): clients leave it out of the tokens' audience")
            } else if url.scheme == "http", !url.isLoopback {
                Problem(
                    "is plain http beyond this machine, where anyone on the way reads the tokens",
                    "use https and add tls")
            } else { nil }
        guard let problem else { return url }
        reader.report(node.location, node.path, problem)
        return nil
    }

    private func listen(_ node: SourceNode) -> EdgeSpec.Listen? {
        guard let text = reader.rawText(node, example: "127.0.0.1:8443") else { return nil }
        return reader.attempt(node) { () throws(Problem) in try EdgeSpec.Listen(parsing: text) }
    }

    private func tls(_ node: SourceNode) -> EdgeSpec.TLS? {
        guard
            let section = reader.section(
                node, known: ["certificate", "key", "clientCertificates", "stapling"],
                required: ["certificate", "key"])
        else { return nil }
        let certificate = section["certificate"].flatMap { path($0) }
        let key = section["key"].flatMap { path($0) }
        let clients = section["clientCertificates"].flatMap { path($0) }
        let stapling = section["stapling"].flatMap { path($0) }
        guard let certificate, let key else { return nil }
        return EdgeSpec.TLS(certificate: certificate, key: key, clientCertificates: clients, stapling: stapling)
    }

    // MARK: Rules across keys

    private func checkTLS(_ section: Section, _ url: WebURL) {
        if url.scheme == "https", section["tls"] == nil {
            reader.report(
                section.node.location, section.path("tls"),
                Problem("is missing: an https edge needs a certificate", "add tls: {certificate: PATH, key: PATH}"))
        } else if url.scheme == "http", let tls = section["tls"] {
            reader.report(tls, "is not used: the url is http", "make the url https, or remove tls")
        }
    }

    private func checkReach(
        _ section: Section, url: WebURL, listen: EdgeSpec.Listen, authorization: EdgeSpec.Authorization?
    ) {
        guard !listen.isLoopback else { return }
        if authorization == .development, let node = section["authorization"] {
            reader.report(
                node, "development tokens are for this machine only, but the edge listens on \(listen.text)",
                "name an issuer, or add listen: 127.0.0.1:\(listen.port)")
        }
        if url.scheme == "http", let node = section["listen"] {
            reader.report(
                node, "a plain http edge must listen on loopback, not on \(listen.address)",
                "use https and tls, or listen on 127.0.0.1:\(listen.port)")
        }
    }
}
