import Fleet

/// What a plan must fulfil before a refresher applies it.
package enum RefresherPlanCheck {
    package static let issuerLimit = 64

    /// Nil when the plan can be applied; else what is wrong with it.
    package static func fault(in plan: RefresherPlan) -> String? {
        guard plan.issuers.count <= issuerLimit else { return "there are more than \(issuerLimit) issuers" }
        // Below ten minutes keys could grow too old between two fetches of a healthy issuer.
        guard (600...604_800).contains(plan.staleLimit.value) else {
            return "staleLimit is not within 10 minutes...7 days"
        }
        guard (1...3600).contains(plan.forcedEvery.value) else { return "forcedEvery is not within 1...3600 seconds" }
        for path in [plan.listen, plan.ca].compactMap(\.self) where !path.hasPrefix("/") {
            return "\(path.quoted) is not an absolute path"
        }
        for (index, issuer) in plan.issuers.enumerated() {
            // By number as long as the URL is not known to be free of passwords.
            if let fault = fault(inURL: issuer.url) { return "issuer \(index + 1): \(fault)" }
            if let fault = fault(in: issuer) { return "issuer \(issuer.url): \(fault)" }
        }
        guard Set(plan.issuers.map(\.url)).count == plan.issuers.count else { return "an issuer is there twice" }
        return nil
    }

    private static func fault(inURL text: String) -> String? {
        do throws(Problem) { _ = try TrustedURL(parsing: text) } catch { return "\(error)" }
        return nil
    }

    private static func fault(in issuer: RefresherPlan.Issuer) -> String? {
        guard !issuer.url.contains("?") else { return "an issuer has no query" }
        guard issuer.keys != nil || issuer.introspection != nil else { return "neither keys nor introspection" }
        for case .url(let text)? in [issuer.keys, issuer.introspection?.endpoint] {
            if let fault = fault(inURL: text) { return fault }
        }
        guard let introspection = issuer.introspection else { return nil }
        guard !introspection.clientID.isEmpty, introspection.clientID.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
        else { return "clientID is empty or has other characters than printable ASCII" }
        guard introspection.secretFile.hasPrefix("/") else { return "secretFile is not an absolute path" }
        return nil
    }
}
