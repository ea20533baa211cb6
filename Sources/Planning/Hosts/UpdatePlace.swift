/// Where an update keeps what it needs to go back, on the host.
package enum UpdatePlace {
    package static let folder = "/var/lib/convoy/update"
    /// The package as it was installed before, made anew from its files.
    package static let before = "\(folder)/before.deb"
    /// There from before the installation until it is confirmed, or taken back: whoever renames it has decided.
    package static let trial = "\(folder)/trial"
    package static let undoing = "\(folder)/undoing"
    /// What was confirmed, for the moment until the mark says so.
    package static let confirmed = "\(folder)/confirmed"
    package static let undoScript = "\(folder)/undo"
    /// Service and timer that take an update back.
    package static let undoUnit = "convoy-update-undo"
    package static let installUnit = "convoy-update-install"
}
