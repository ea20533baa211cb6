extension Profile {
    /// Names of the settings that this version of the server knows, as far as the profile tells.
    package func settings(knownTo version: String) -> Set<String> {
        Set(settings.filter { $0.value.isKnown(to: version) }.keys)
    }
}

extension Profile.Setting {
    /// By the numbers alone: 3.0.0-rc.1 counts as 3.0.0, whose settings it has already.
    func isKnown(to version: String) -> Bool {
        let numbers = Self.numbers(version)
        if let since, numbers.lexicographicallyPrecedes(Self.numbers(since)) { return false }
        guard let until else { return true }
        return numbers.lexicographicallyPrecedes(Self.numbers(until))
    }

    /// Filled up, so that 3 and 3.0.0 are the same.
    private static func numbers(_ version: String) -> [Int] {
        let numbers = version.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }.split(separator: ".")
            .map { Int($0) ?? .max }
        return numbers + Array(repeating: 0, count: max(0, 6 - numbers.count))
    }
}
