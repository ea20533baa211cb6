import Fleet
import Foundation
import Planning
import Ports

/// What releases were seen to offer, so that a plan can be judged before anything of it starts. A note that can
/// be made again: one that can't be read counts as none.
struct OfferShelf: Sendable {
    let files: any FileStore
    let layout: FleetLayout

    private struct Note: Codable {
        var release: ReleaseStamp
        var offer: ReleaseOffer
    }

    /// Settings choose tools, too: the same release offers another list with others.
    private struct Wish: Encodable {
        var profile: Profile
        var settings: [String: JSONValue]
    }

    func offer(of release: Digest, spec: FleetSpec, profile: Profile) -> ReleaseOffer? {
        guard let path = try? path(release, spec, profile), let text = try? files.read(path) else { return nil }
        return (try? JSONDecoder().decode(Note.self, from: Data(text.utf8)))?.offer
    }

    func keep(_ offer: ReleaseOffer, of plan: GenerationPlan) throws {
        let path = try path(plan.release.digest, plan.origin.spec, plan.origin.profile)
        let text = try StableJSON.text(Note(release: plan.release, offer: offer))
        guard try files.read(path) != text else { return }
        try files.makeDirectory(layout.offers, mode: 0o700)
        try files.write(path, text, mode: 0o600)
    }

    /// Those of releases that are not on this host any more.
    func prune(keeping releases: Set<Digest>) throws {
        let kept = Set(releases.map(\.hex))
        for name in try files.list(layout.offers) {
            let parts = name.split(separator: "-", maxSplits: 1)
            guard parts.count == 2, Digest(hex: String(parts[0])) != nil, !kept.contains(String(parts[0])) else {
                continue
            }
            try files.remove(layout.offers + "/" + name)
        }
    }

    private func path(_ release: Digest, _ spec: FleetSpec, _ profile: Profile) throws -> String {
        let wish = try StableJSON.text(Wish(profile: profile, settings: spec.server.settings))
        return "\(layout.offers)/\(release.hex)-\(Digest.of(wish)?.short ?? "unknown").json"
    }
}
