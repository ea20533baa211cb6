import Yams

/// What Yams could not read, in the words of somebody who did not write a YAML parser.
struct YAMLFault {
    var location: SourceLocation
    var problem: Problem

    init(_ error: any Error, text: String) {
        location = .start
        problem = Problem("this is not YAML", "check the file")
        switch error {
        case YamlError.scanner(let context, let what, let mark, _),
            YamlError.parser(let context, let what, let mark, _),
            YamlError.composer(let context, let what, let mark, _):
            location = SourceLocation(mark)
            problem = Self.explain(
                what, context: context?.text ?? "", character: Self.character(at: location, in: text))
            // Where it was noticed may be lines below; where it began is what helps.
            let late = ["unexpected end of stream", "expected ',' or", "could not find expected ':'"]
            if late.contains(where: { what.contains($0) }), let context { location = SourceLocation(context.mark) }
        case YamlError.reader(let what, _, _, _):
            problem = Problem("this is not YAML (\(what))", "delete characters that you can't see")
        default: break
        }
    }

    private static func explain(_ what: String, context: String, character: Unicode.Scalar?) -> Problem {
        let table: [(String, Problem)] = [
            ("unexpected end of stream", Problem("a quote is opened here and never closed", "close it")),
            (
                "undefined alias",
                Problem("an alias (*name) refers to no anchor (&name)", "define it above, or quote the text")
            ),
            (
                "mapping values are not allowed",
                Problem("a colon stands where no key can", "check the indentation, or put the text in quotes")
            ),
            (
                "expected ',' or '}'",
                Problem("a { is opened here and not closed, or a comma is missing", "close it with } or add the comma")
            ),
            (
                "expected ',' or ']'",
                Problem("a [ is opened here and not closed, or a comma is missing", "close it with ] or add the comma")
            ),
            ("could not find expected ':'", Problem("a key without its colon", "write `key: value`")),
            (
                "did not find expected key",
                Problem("the indentation does not fit the lines above", "line it up with the keys beside it")
            ),
            (
                "expected '-' indicator",
                Problem("the indentation does not fit the list above", "line it up with the other dashes")
            ),
            (
                "block sequence entries are not allowed",
                Problem("a list begins where none can", "put the dash on a line of its own, indented")
            ),
            (
                "exceeded max nesting",
                Problem("nested deeper than any spec needs", "check the brackets and the indentation")
            ),
            (
                "escape character",
                Problem("a backslash in double quotes begins no known escape", "double it, or use single quotes")
            ),
        ]
        if character == "\t", !what.contains("unexpected end of stream") {
            return Problem("a tab stands where only spaces may", "indent with spaces")
        }
        if let known = table.first(where: { what.contains($0.0) }) { return known.1 }
        if what.contains("cannot start any token"), let character {
            return Problem("a value can't start with \(String(character).quoted)", "put it in quotes")
        }
        return Problem("this is not YAML (\(context.isEmpty ? what : "\(context), \(what)"))", "correct it")
    }

    private static func character(at place: SourceLocation, in text: String) -> Unicode.Scalar? {
        var here = SourceLocation.start
        for scalar in text.unicodeScalars {
            if here == place { return scalar }
            here.advance(over: scalar)
        }
        return nil
    }
}
