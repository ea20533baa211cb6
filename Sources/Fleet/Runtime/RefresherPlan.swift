/// All that the refresher is told: whose keys it keeps fresh and for whom it asks about opaque tokens.
/// Written by the supervisor, read by the refresher at its start and on HUP. No secret is in it: files
/// that hold one are named.
///
/// As JSON: `{"revision": 1, "listen": "/run/convoy/refresher.sock", "issuers": [{"url":
/// "https://login.example.com", "keys": "discover", "introspection": {"endpoint": "discover",
/// "clientID": "convoy", "secretFile": "/etc/convoy/secrets/introspection"}}]}`
package struct RefresherPlan: Sendable, Equatable, Codable {
    /// Counts up with each change; the refresher tells which one it applies.
    package var revision: Int
    /// The unix socket to listen on when none was inherited or named on the command line.
    package var listen: String?
    /// PEM file with roots that are trusted beside the system's.
    package var ca: String?
    package var issuers: [Issuer]
    /// Keys older than this are no longer given out.
    package var staleLimit: Seconds
    /// At most one fetch that somebody asked for per issuer and this time.
    package var forcedEvery: Seconds

    package init(
        revision: Int, listen: String? = nil, ca: String? = nil, issuers: [Issuer], staleLimit: Seconds = 86400,
        forcedEvery: Seconds = 30
    ) {
        self.revision = revision
        self.listen = listen
        self.ca = ca
        self.issuers = issuers
        self.staleLimit = staleLimit
        self.forcedEvery = forcedEvery
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        revision = try container.decode(Int.self, forKey: .revision)
        listen = try container.decodeIfPresent(String.self, forKey: .listen)
        ca = try container.decodeIfPresent(String.self, forKey: .ca)
        issuers = try container.decode([Issuer].self, forKey: .issuers)
        staleLimit = try container.decodeIfPresent(Seconds.self, forKey: .staleLimit) ?? 86400
        forcedEvery = try container.decodeIfPresent(Seconds.self, forKey: .forcedEvery) ?? 30
    }
}

extension RefresherPlan {
    package struct Issuer: Sendable, Equatable, Codable {
        /// Exactly as tokens name it in `iss`.
        package var url: String
        /// Nil: the issuer's tokens are opaque, nobody asks for keys.
        package var keys: Source?
        package var introspection: Introspection?

        package init(url: String, keys: Source?, introspection: Introspection? = nil) {
            self.url = url
            self.keys = keys
            self.introspection = introspection
        }
    }

    /// Where to ask; in JSON `"discover"` or the URL itself.
    package enum Source: Sendable, Equatable, Codable {
        case url(String)
        /// As the issuer's metadata says (RFC 8414, OpenID Connect Discovery).
        case discover

        package init(from decoder: any Decoder) throws {
            let text = try decoder.singleValueContainer().decode(String.self)
            self = text == "discover" ? .discover : .url(text)
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .discover: try container.encode("discover")
            case .url(let text): try container.encode(text)
            }
        }
    }

    /// RFC 7662 with `client_secret_basic`.
    package struct Introspection: Sendable, Equatable, Codable {
        package var endpoint: Source
        package var clientID: String
        /// Absolute; nobody but its owner may read it. A newline at its end does not belong to the secret.
        package var secretFile: String

        package init(endpoint: Source, clientID: String, secretFile: String) {
            self.endpoint = endpoint
            self.clientID = clientID
            self.secretFile = secretFile
        }
    }
}
