import Fleet

/// What kind of server stands behind the edge, found by asking it as a client would.
package struct Survey: Sendable {
    static let modernVersion = "2026-07-28"
    static let legacyVersion = "2025-11-25"

    package internal(set) var isModern = false
    package internal(set) var isLegacy = false
    package internal(set) var handsOutSessions = false
    /// What a legacy server settled on.
    var legacyVersion = Survey.legacyVersion
    /// Why a good token was not admitted; nil when it was, or when there is none.
    var refusal: Fault?
    /// Why the edge's certificate is not trusted: then nothing but TLS itself is looked at.
    var distrust: String?

    /// Throws a `Failure` (`unavailable`) when nobody answers at all.
    static func make(_ bench: Bench) async throws -> Survey {
        var survey = Survey()
        do {
            if bench.target.url.isTLS, let reason = await distrust(bench) {
                survey.distrust = reason
                return survey
            }
            guard let forge = bench.forge else {
                _ = try await bench.send(bench.bare())
                return survey
            }
            let modern = try await bench.insist(
                bench.discover(forge.token()).saying("POST server/discover, good token"))
            survey.isModern = modern.status == 200 && modern.answer.json?["result"]?["supportedVersions"] != nil
            let legacy = try await bench.insist(bench.initialize(forge.token()).saying("POST initialize, good token"))
            if legacy.status == 200, let result = legacy.answer.json?["result"] {
                survey.isLegacy = true
                survey.handsOutSessions = legacy.answer["Mcp-Session-Id"] != nil
                survey.legacyVersion = result["protocolVersion"]?.stringValue ?? legacyVersion
            }
            if !survey.isModern, !survey.isLegacy {
                survey.refusal = legacy.fault("neither server/discover nor initialize was answered with a result")
            }
        } catch let silence as Silence {
            throw unavailable(bench, silence.fault)
        } catch let fault as Fault {
            throw unavailable(bench, fault)
        }
        return survey
    }

    private static func distrust(_ bench: Bench) async -> String? {
        var reason: String?
        for version in [TLSRelease.v13, .v12] {
            do {
                guard let refusal = try await bench.wire.handshake(version, verifyingName: true) else { return nil }
                if try await bench.wire.handshake(version, verifyingName: false) == nil { reason = refusal }
            } catch { return nil }
        }
        return reason
    }

    var era: String {
        switch (isModern, isLegacy) {
        case (true, true): "modern and legacy"
        case (true, false): "modern"
        case (false, true): "legacy"
        case (false, false): "unknown"
        }
    }

    private static func unavailable(_ bench: Bench, _ fault: Fault) -> Failure {
        Failure(
            .unavailable, "cannot verify \(bench.target.url.text)", because: "\(fault.why): \(fault.seen)",
            next: "check that the edge runs and that this machine reaches it (`convoy status`, --connect)")
    }
}
