/// Settings that other gateways have and Convoy never will: who looks for them is told why not.
enum RefusedKey {
    /// Nil for any other key.
    static func problem(_ key: String) -> Problem? {
        switch key.lowercased().filter({ $0 != "-" && $0 != "_" }) {
        case "apikey", "apikeys", "apitoken", "apitokens", "statictoken", "statictokens", "bearertoken", "bearertokens",
            "basicauth", "htpasswd":
            Problem(
                "Convoy refuses keys of its own, which never expire, name nobody and serve whoever copies them",
                "remove it and name an issuer under edge/authorization")
        case "passthrough", "tokenpassthrough", "forwardtoken", "forwardtokens", "forwardauthorization",
            "passauthorization", "upstreamauthorization":
            Problem(
                "Convoy refuses to pass tokens on, since a server that has a client's token can act as that client",
                "remove it; instances have credentials of their own")
        case "impersonate", "impersonation", "impersonateuser", "actas", "onbehalfof", "runas":
            Problem(
                "Convoy refuses impersonation, since an instance is pinned to one read-only database user",
                "remove it; give each audience a pool and a scope of its own")
        default: nil
        }
    }
}
