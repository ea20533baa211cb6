import Yams

/// Reads one YAML document into a `SourceNode`, with every way in which YAML can surprise turned
/// into a diagnostic. Yams stops at the first duplicate key; here reading goes on, so that all
/// problems of a file are reported at once.
struct YAMLDocument {
    static let maximumNodes = 20_000
    static let maximumDepth = 24
    private static let maximumDuplicates = 20

    private let reader: SpecReader
    /// Where a key was hidden from Yams because it comes again -> what it is called.
    private var hidden: [SourceLocation: String] = [:]
    private var nodes = 0

    private init(reader: SpecReader) { self.reader = reader }

    /// Nil when nothing can be read; the reader then holds the reason.
    static func read(_ bytes: [UInt8], _ reader: SpecReader) -> SourceNode? {
        let text: String
        do { text = try SourceText.decode(bytes) } catch {
            reader.report(error.location, "", error.problem)
            return nil
        }
        var document = YAMLDocument(reader: reader)
        guard let root = document.compose(text) else { return nil }
        let tree = document.convert(root, path: "", depth: 1)
        // Half a document would only add complaints about the half that is gone.
        return document.nodes <= maximumNodes ? tree : nil
    }

    private mutating func compose(_ original: String) -> Node? {
        var text = original
        while true {
            do {
                // The basic resolver takes every scalar for text: what it is, `PlainScalar` decides.
                let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
                guard let root = try parser.nextRoot() else {
                    reader.report(.start, "", Problem("the file is empty", "`convoy init` writes one to start from"))
                    return nil
                }
                guard let second = try parser.nextRoot() else { return root }
                reader.report(
                    SourceLocation(second.mark), "",
                    Problem("a second document begins here", "keep one document: remove the --- and what follows"))
                return root
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                let place = SourceLocation(context.mark)
                guard let key = keys.first, hidden.count < Self.maximumDuplicates, hidden[place] == nil,
                    let masked = Self.hide(key, at: place, in: text)
                else {
                    reader.report(place, keys.first ?? "", Self.duplicate(of: nil))
                    return nil
                }
                hidden[place] = key
                text = masked
            } catch {
                let problem = YAMLFault(error, text: text)
                reader.report(problem.location, "", problem.problem)
                return nil
            }
        }
    }

    static func duplicate(of first: SourceLocation?) -> Problem {
        Problem(
            "the key is there twice" + (first.map { ", first in line \($0.line)" } ?? ""), "keep one of the two")
    }

    /// The text with the key replaced by characters that no one types, as many as it had, so that
    /// every other place stays where it was.
    private static func hide(_ key: String, at place: SourceLocation, in text: String) -> String? {
        var scalars = Array(text.unicodeScalars)
        var index = 0
        var here = SourceLocation.start
        while index < scalars.count, here < place {
            here.advance(over: scalars[index])
            index += 1
        }
        guard here == place, index < scalars.count else { return nil }
        if scalars[index] == "\"" || scalars[index] == "'" { index += 1 }
        let length = key.unicodeScalars.count
        guard length > 0, index + length <= scalars.count,
            scalars[index..<index + length].elementsEqual(key.unicodeScalars),
            let unique = Unicode.Scalar(UInt32(0xe000 + (place.line * 131 + place.column) % 6000))
        else { return nil }
        for offset in 0..<length { scalars[index + offset] = unique }
        var masked = String.UnicodeScalarView()
        masked.append(contentsOf: scalars)
        return String(masked)
    }

    // MARK: From Yams' nodes to ours

    private mutating func convert(_ node: Node, path: String, depth: Int) -> SourceNode? {
        let place = SourceLocation(node.mark)
        nodes += 1
        guard nodes <= Self.maximumNodes else {
            // Said once: the budget stays used up for all nodes that follow.
            if nodes == Self.maximumNodes + 1 {
                reader.report(
                    place, "",
                    Problem("the file expands to more than \(Self.maximumNodes) values", "write less, without aliases"))
            }
            return nil
        }
        guard depth <= Self.maximumDepth else {
            reader.report(
                place, path,
                Problem("is nested deeper than \(Self.maximumDepth) levels", "check the brackets and the indentation"))
            return nil
        }
        guard hasNoTag(node) else {
            reader.report(
                place, path,
                Problem("carries the YAML tag \(Self.shortTag(node))", "remove the tag: write the plain value"))
            return nil
        }
        switch node {
        case .scalar(let scalar):
            return SourceNode(
                location: place, path: path, value: .scalar(text: scalar.string, plain: scalar.style == .plain))
        case .sequence(let items):
            var list: [SourceNode] = []
            for (index, item) in items.enumerated() {
                if let item = convert(item, path: "\(path)/\(index)", depth: depth + 1) { list.append(item) }
            }
            return SourceNode(location: place, path: path, value: .list(list))
        case .mapping(let pairs):
            return SourceNode(location: place, path: path, value: .map(entries(pairs, path: path, depth: depth)))
        case .alias:
            // Yams puts the anchored node itself in an alias' place.
            return nil
        }
    }

    private mutating func entries(_ pairs: Node.Mapping, path: String, depth: Int) -> [SourceNode.Entry] {
        var entries: [SourceNode.Entry] = []
        var seen: [String: SourceLocation] = [:]
        for (keyNode, valueNode) in pairs {
            guard nodes <= Self.maximumNodes else { break }
            let place = SourceLocation(keyNode.mark)
            guard case .scalar(let scalar) = keyNode, hasNoTag(keyNode) else {
                reader.report(place, path, Problem("a key is not text", "use plain words as keys"))
                continue
            }
            let key = hidden[place] ?? scalar.string
            let shown = SpecReader.printable(key)
            let keyPath = path.isEmpty ? shown : "\(path)/\(shown)"
            if key == "<<" {
                reader.report(place, keyPath, Problem("merging maps with << is not supported", "write the keys out"))
                continue
            }
            if let first = seen[key] {
                reader.report(place, keyPath, Self.duplicate(of: first))
                continue
            }
            seen[key] = place
            if let value = convert(valueNode, path: keyPath, depth: depth + 1) {
                entries.append(SourceNode.Entry(key: key, location: place, value: value))
            }
        }
        return entries
    }

    private static func shortTag(_ node: Node) -> String {
        node.tag.rawValue.replacing("tag:yaml.org,2002:", with: "!!").quoted
    }

    private func hasNoTag(_ node: Node) -> Bool {
        switch node {
        case .scalar: node.tag.rawValue == Tag.Name.str.rawValue
        case .mapping: node.tag.rawValue == Tag.Name.map.rawValue
        case .sequence: node.tag.rawValue == Tag.Name.seq.rawValue
        case .alias: false
        }
    }
}

extension SourceLocation {
    static let start = SourceLocation(line: 1, column: 1)

    init(_ mark: Mark?) { self = mark.map { SourceLocation(line: $0.line, column: $0.column) } ?? .start }
}
