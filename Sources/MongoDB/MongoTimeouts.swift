import Fleet

/// How long one job with the database may take: whatever hangs, a job ends after `total` and one
/// more wait of the kind it is in.
package struct MongoTimeouts: Sendable, Equatable {
    /// Finding a server that can take the command; longer than an election would be patient, shorter
    /// keeps the supervisor honest.
    package var selection: Seconds
    package var connect: Seconds
    /// One answer.
    package var answer: Seconds
    /// Everything together; no command starts after it.
    package var total: Seconds

    package init(selection: Seconds = 5, connect: Seconds = 3, answer: Seconds = 5, total: Seconds = 10) {
        self.selection = selection
        self.connect = connect
        self.answer = answer
        self.total = total
    }
}
