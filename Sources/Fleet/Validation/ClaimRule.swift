/// What an issuer's entry may say about its tokens: names and values that are compared byte for byte.
enum ClaimRule {
    static func checkAudience(_ text: String) throws(Problem) {
        try check(text, "the audience", limit: 512, example: "write what the issuer puts into aud, such as api://mcp")
    }

    static func checkClient(_ text: String) throws(Problem) {
        try check(text, "the client id", limit: 256, example: "write it as the issuer told it")
    }

    /// A claim's name, which may hold dots (`https://mcp.example.com/roles`), or a path through objects
    /// (`realm_access.roles`).
    static func checkName(_ text: String) throws(Problem) {
        try check(text, "the claim", limit: 256, example: "write a claim's name, such as roles or realm_access.roles")
        guard !text.hasPrefix("."), !text.hasSuffix("."), text.firstRange(of: "..") == nil else {
            throw Problem("\(text.quoted) has a dot with nothing beside it", "write a path such as realm_access.roles")
        }
    }

    private static func check(_ text: String, _ what: String, limit: Int, example: String) throws(Problem) {
        guard !text.isEmpty else { throw Problem("\(what) is empty", example) }
        guard text.utf8.count <= limit else {
            throw Problem("\(what) is longer than \(limit) characters", "shorten it")
        }
        guard text.consists(of: { (0x21...0x7e).contains($0) && !$0.isOne(of: "\"\\") }) else {
            throw Problem("\(text.quoted) has a character that tokens can't be told by", example)
        }
    }

    /// Why no edge may accept an algorithm that JOSE has a name for; nil for any other text.
    static func refusedAlgorithm(_ text: String) -> Problem? {
        switch text.lowercased() {
        case "none": Problem("none accepts tokens that nobody signed", "remove it")
        case "hs256", "hs384", "hs512":
            Problem(
                "\(text.quoted) signs with a shared secret, so that whoever checks tokens could make them",
                "use an algorithm with a public key, such as RS256 or ES256")
        default: nil
        }
    }
}
