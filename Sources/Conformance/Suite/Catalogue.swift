/// All checks, in the order of the report.
package enum Catalogue {
    package static let all: [Check] =
        BaselineChecks.all + ChallengeChecks.all + MetadataChecks.all + ClaimChecks.all + SignatureChecks.all
        + SpellingChecks.all + HeaderChecks.all + CredentialChecks.all + OriginChecks.all + HostChecks.all
        + PathChecks.all + FramingChecks.all + MethodChecks.all + SessionChecks.all + EraChecks.all
        + TrustChecks.all + LimitChecks.all + ToolChecks.all + RateChecks.all + ClientChecks.all + LeakChecks.all
        + StreamChecks.all + TLSChecks.all + BoundChecks.all + UpstreamChecks.all

    /// Those that any of the patterns names: an id, a group, or either with `*` for any text.
    package static func matching(_ patterns: [String]) -> [Check] {
        if patterns.isEmpty { return all }
        return all.filter { check in
            patterns.contains { pattern in
                matches(Substring(check.id), Substring(pattern)) || check.group?.rawValue == pattern
            }
        }
    }

    private static func matches(_ text: Substring, _ pattern: Substring) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == "*" {
            return matches(text, pattern.dropFirst()) || (!text.isEmpty && matches(text.dropFirst(), pattern))
        }
        return text.first == first && matches(text.dropFirst(), pattern.dropFirst())
    }
}
