import Fleet
import Foundation
import Planning

/// This host's logs page by page, for an operator elsewhere. Nothing is read far ahead of what was asked for.
actor LogPages {
    /// How long a page that stays empty may take.
    private static let patience = Duration.seconds(1)
    private let queue = LogQueue(limit: 1024)
    private var reading: Task<Void, any Error>?

    deinit { reading?.cancel() }

    func begin(_ question: LogQuestion, _ workplace: Workplace) async throws -> LogPage {
        guard reading == nil else {
            throw Failure(.usage, "cannot begin", because: "this conversation has a question", next: "begin another")
        }
        let query = LogReading.Query(
            selection: LogSelection(question.names), since: question.since, last: question.last, host: question.host)
        let logs = try await LogReading.here(workplace, query)
        let began = Date().timeIntervalSince1970
        reading = Task { [queue] in
            do {
                guard let history = try await logs.history(mayBeEmpty: question.follows, queue) else { return }
                await queue.whole(history.known)
                if question.follows { try await logs.follow(history, began: began, queue) }
            } catch {
                await queue.fail(error)
            }
        }
        return try await next()
    }

    func next() async throws -> LogPage {
        let end = ContinuousClock.now + Self.patience
        while true {
            if let page = try await queue.page() { return page }
            guard ContinuousClock.now < end else { return LogPage() }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

/// Lines on their way to whoever asks for them: who brings them waits while there are many.
actor LogQueue: LogSink {
    private static let longestMessage = 32 << 10
    private static let largestPage = 256
    private let limit: Int
    private var entries: [LogEntry] = []
    private var known: Set<String>?
    private var isWhole = false
    private var fault: (any Error)?

    init(limit: Int = .max) { self.limit = limit }

    func show(_ more: [LogEntry]) async throws -> Bool {
        while entries.count > limit { try await Task.sleep(for: .milliseconds(20)) }
        entries += more
        return true
    }

    func all() -> [LogEntry] { entries }

    func whole(_ names: Set<String>) { known = names }

    func fail(_ error: any Error) { fault = error }

    /// Nil when there is nothing to say. What is secret stays here.
    func page() throws -> LogPage? {
        if entries.isEmpty, let fault { throw fault }
        let names = entries.count <= Self.largestPage ? known : nil
        guard !entries.isEmpty || names != nil else { return nil }
        let page = entries.prefix(Self.largestPage).map { entry in
            var entry = entry
            entry.message = LogText.redacted(entry.message)
            if entry.message.utf8.count > Self.longestMessage {
                entry.message = String(entry.message.prefix(Self.longestMessage)) + "..."
            }
            return entry
        }
        entries.removeFirst(page.count)
        let isFirst = names != nil && !isWhole
        if isFirst { isWhole = true }
        guard isFirst || !page.isEmpty else { return nil }
        return LogPage(page, isWhole: isFirst, known: isFirst ? Array(names ?? []) : [])
    }
}
