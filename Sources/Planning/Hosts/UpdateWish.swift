import Fleet

/// Which Convoy a host is to have, and how long it may take to prove itself.
package struct UpdateWish: Sendable, Equatable {
    package var package: BootstrapWish.Package
    /// Unconfirmed after this it is taken back by the host itself.
    package var window: Seconds

    package init(package: BootstrapWish.Package, window: Seconds = 180) {
        self.package = package
        self.window = window
    }

    /// After the installation: how long the host may take to be healthy.
    package var patience: Seconds { Seconds(max(5, min(60, window.value / 3))) }
}

/// One thing to do on a host that is updated. Each can be done again.
package enum UpdateStep: String, Sendable, Hashable, Codable, CaseIterable {
    /// Brings the package's file.
    case send
    /// Makes the package that is installed into a file again.
    case keep
    /// From here on the host goes back by itself.
    case arm
    case install
    /// Looks at the edge from outside.
    case visit
    /// The host will not go back by itself any more.
    case confirm
    case undo
}
