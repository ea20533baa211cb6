import ArgumentParser
@main struct Convoy: ParsableCommand {}
