/// Reads values out of a document and collects every problem on the way, so that all are reported at
/// once. A class because it is handed to everything that reads one file; it never leaves that call.
final class SpecReader {
    let file: String
    private(set) var diagnostics: [Diagnostic] = []

    init(file: String) { self.file = file }

    func report(_ location: SourceLocation, _ path: String, _ problem: Problem) {
        diagnostics.append(
            Diagnostic(file: file, location: location, path: path, what: problem.what, fix: problem.fix))
    }

    func report(_ node: SourceNode, _ what: String, _ fix: String) {
        report(node.location, node.path, Problem(what, fix))
    }

    /// Problems of another file that this one depends on, such as its profile.
    func adopt(_ others: [Diagnostic]) { diagnostics += others }

    /// Sorted by place, each once.
    var findings: [Diagnostic] {
        var seen: Set<Diagnostic> = []
        return diagnostics.filter { seen.insert($0).inserted }.sorted {
            ($0.file == file ? 0 : 1, $0.location, $0.path, $0.what) < (
                $1.file == file ? 0 : 1, $1.location, $1.path, $1.what
            )
        }
    }

    /// The result of `body`, or nil and its problem reported at the node.
    func attempt<T>(_ node: SourceNode, _ body: () throws(Problem) -> T) -> T? {
        do { return try body() } catch {
            report(node.location, node.path, error)
            return nil
        }
    }

    /// Whether something was already reported for the value at `path`: then it is there, if only in a
    /// way that could not be read.
    func hasFault(at path: String) -> Bool { diagnostics.contains { $0.path == path } }

    /// Whether `rule` holds; its problem is reported at the place of a key.
    func holds(at entry: SourceNode.Entry, _ rule: () throws(Problem) -> Void) -> Bool {
        do { try rule() } catch {
            report(entry.location, entry.value.path, error)
            return false
        }
        return true
    }

    /// Keys are part of paths and messages: on one line and short.
    static func printable(_ key: String) -> String { String(key.quoted.dropFirst().dropLast()) }
}

/// The keys of one map, of which only known ones are left.
struct Section {
    var node: SourceNode
    private var values: [String: SourceNode]

    init(_ node: SourceNode, _ values: [String: SourceNode]) {
        self.node = node
        self.values = values
    }

    subscript(key: String) -> SourceNode? { values[key] }
    func path(_ key: String) -> String { node.path.isEmpty ? key : "\(node.path)/\(key)" }
}
