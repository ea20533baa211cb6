extension Profile {
    /// Reads a profile file. Throws all its problems at once, sorted by place.
    package static func parse(_ bytes: [UInt8], file: String) throws(SpecError) -> Profile {
        let reader = SpecReader(file: file)
        let profile = YAMLDocument.read(bytes, reader).flatMap { ProfileParser(reader: reader).parse($0) }
        if let profile, reader.diagnostics.isEmpty { return profile }
        if reader.diagnostics.isEmpty {
            reader.report(.start, "", Problem("the file can't be read", "compare it with a built-in profile"))
        }
        throw SpecError(reader.findings)
    }

    package static func parse(_ text: String, file: String) throws(SpecError) -> Profile {
        try parse(Array(text.utf8), file: file)
    }
}
