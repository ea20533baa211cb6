import Fleet

/// Decides what a start asks of systemd, by the state that the unit is in.
package struct UnitStart: Sendable, Equatable {
    package enum Step: Sendable, Equatable {
        /// It runs: systemd was quicker.
        case takeIt
        /// Let systemd read the unit files again, then look again.
        case reload
        /// Its own restart is under way: a start waits for that one.
        case join
        /// Forget that it failed, which would forbid a start, then start.
        case begin
        /// What runs was started by other words than the unit now has.
        case replace
        case refuse(why: String, next: String)
    }

    /// What systemd has read: `loaded`, `not-found`, `masked`, `bad-setting`, `error`.
    package var loadState: String
    package var loadError: String
    /// `active`, `activating`, `deactivating`, `inactive`, `failed`, ...
    package var activeState: String
    package var needsReload: Bool
    package var hasMainProcess: Bool

    package init(
        loadState: String, loadError: String = "", activeState: String, needsReload: Bool, hasMainProcess: Bool
    ) {
        self.loadState = loadState
        self.loadError = loadError
        self.activeState = activeState
        self.needsReload = needsReload
        self.hasMainProcess = hasMainProcess
    }

    /// - Parameters:
    ///   - isRewritten: the unit file was just replaced by another.
    ///   - hasReloaded: systemd has read its files since then.
    package func step(unit: UnitName, isRewritten: Bool, hasReloaded: Bool) -> Step {
        if !hasReloaded, isRewritten || needsReload || loadState != "loaded" { return .reload }
        guard loadState == "loaded" else { return .refuse(why: refusal(unit), next: remedy(unit)) }
        switch activeState {
        case "active", "reloading", "refreshing": return !hasMainProcess || isRewritten ? .replace : .takeIt
        case "activating": return isRewritten ? .replace : .join
        default: return .begin
        }
    }

    private func refusal(_ unit: UnitName) -> String {
        switch loadState {
        case "not-found": "systemd knows no unit \(unit.text)"
        case "masked": "\(unit.text) is masked"
        default: "systemd can't use \(unit.text)" + (loadError.isEmpty ? "" : ": \(loadError)")
        }
    }

    private func remedy(_ unit: UnitName) -> String {
        switch loadState {
        case "not-found" where unit.instance == nil: "install Convoy's package again: it holds this unit"
        case "masked": "`systemctl unmask \(unit.text)`, or find out who masked it and why"
        default: "`systemd-analyze verify \(unit.text)`, and look at its drop-ins: `systemctl cat \(unit.text)`"
        }
    }
}
