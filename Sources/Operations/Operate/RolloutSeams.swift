import Fleet
import Planning
import Ports

/// Where others have a say in a rollout. Without them it goes by its own rules alone.
package struct RolloutSeams: Sendable {
    /// Why this host can't take the next generation; nil = it can. Nothing is changed yet.
    package var preflight: @Sendable (_ next: GenerationPlan, StatusReport) async -> String?
    /// Why there must be no flip from one generation to the next although all of it is fit, such as a tool
    /// that clients would miss; nil = go on. Both run.
    package var compare: @Sendable (_ current: GenerationPlan?, _ next: GenerationPlan, StatusReport) async -> String?
    /// What speaks against the next generation, or should be known of it before it is begun; only looks.
    package var warnings: @Sendable (_ next: GenerationPlan, StatusReport) async -> [String]
    /// Whoever is at work wants the next generation although callers may miss something.
    package var acceptsBreaking: Bool
    /// Makes fleet.yaml name the release that serves; nothing happens when it does.
    package var nameRelease: @Sendable (ReleaseReference) async throws -> Void
    /// What the journal is to say of a step that was done; empty = nothing.
    package var remark: @Sendable (RolloutStep) -> String
    /// Told of each journal entry once it is written.
    package var journaled: @Sendable (JournalEntry) -> Void
    /// Who is at work, as `user@host`.
    package var holder: String

    package init(
        preflight: @escaping @Sendable (GenerationPlan, StatusReport) async -> String? = { _, _ in nil },
        compare: @escaping @Sendable (GenerationPlan?, GenerationPlan, StatusReport) async -> String? = { _, _, _ in
            nil
        },
        warnings: @escaping @Sendable (GenerationPlan, StatusReport) async -> [String] = { _, _ in [] },
        acceptsBreaking: Bool = false,
        nameRelease: @escaping @Sendable (ReleaseReference) async throws -> Void = { _ in },
        remark: @escaping @Sendable (RolloutStep) -> String = { _ in "" },
        journaled: @escaping @Sendable (JournalEntry) -> Void = { _ in }, holder: String = ""
    ) {
        self.preflight = preflight
        self.compare = compare
        self.warnings = warnings
        self.acceptsBreaking = acceptsBreaking
        self.nameRelease = nameRelease
        self.remark = remark
        self.journaled = journaled
        self.holder = holder
    }
}
