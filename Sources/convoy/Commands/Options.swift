import ArgumentParser

/// Options of every verb that works on a fleet.
struct FleetOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The fleet's file. Its lock, fleet.lock, is kept beside it.")
    var file = "fleet.yaml"

    @Option(
        help:
            "Directory under which everything lives (etc/convoy, var/lib/convoy, run/convoy); a laptop fleet uses ./.convoy."
    )
    var root = "/"
}

/// For verbs that need no fleet file.
struct RootOption: ParsableArguments {
    @Option(help: "Directory under which the fleet lives.")
    var root = "/"
}

struct JSONOption: ParsableArguments {
    @Flag(help: "Print one stable JSON document instead of text for people.")
    var json = false
}

/// For verbs that may bring up another release.
struct BreakingOption: ParsableArguments {
    @Flag(help: "Go on although callers lose tools or an era, or have to give more than before.")
    var acceptBreaking = false
}
