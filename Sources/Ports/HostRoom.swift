import Planning

/// Measures what a host has left. Changes nothing and never throws: what can't be seen is not told.
package protocol HostRoom: Sendable {
    func figures(_ inquiry: RoomInquiry) -> RoomFigures
}

/// What somebody who wants to start a generation asks of a host. Paths are absolute.
package struct RoomInquiry: Sendable, Equatable {
    /// Where the next generation will write; need not exist yet.
    package var directories: [String]
    /// Files and trees of the current one.
    package var trees: [String]
    package var ports: [Int]
    package var processes: [Int32]
    /// Who starts instances; its bounds are theirs. Nil = this process.
    package var starter: Int32?

    package init(directories: [String], trees: [String], ports: [Int], processes: [Int32], starter: Int32?) {
        self.directories = directories
        self.trees = trees
        self.ports = ports
        self.processes = processes
        self.starter = starter
    }
}
