/// Finds a profile by its name, or by its path relative to the fleet file. Nil when there is none;
/// throws a `SpecError` when it is there and wrong, a `Failure` when it can't be read.
package typealias ProfileLookup = (String) throws -> Profile?

extension FleetSpec {
    /// Reads a whole `fleet.yaml`. Throws all its problems at once, sorted by place.
    ///
    /// - Parameters:
    ///   - bytes: the file as it is; encoding and size are checked here.
    ///   - file: its name in messages.
    package static func parse(
        _ bytes: [UInt8], file: String, profile: ProfileLookup
    ) throws(SpecError) -> FleetSpec {
        let reader = SpecReader(file: file)
        let root = YAMLDocument.read(bytes, reader)
        let spec = withoutActuallyEscaping(profile) { lookup in
            root.flatMap { FleetParser(reader: reader, lookup: lookup).parse($0) }
        }
        if let spec, reader.diagnostics.isEmpty { return spec }
        if reader.diagnostics.isEmpty {
            reader.report(.start, "", Problem("the file can't be read", "compare it with what `convoy init` writes"))
        }
        throw SpecError(reader.findings)
    }

    package static func parse(
        _ text: String, file: String, profile: ProfileLookup
    ) throws(SpecError) -> FleetSpec {
        try parse(Array(text.utf8), file: file, profile: profile)
    }
}
