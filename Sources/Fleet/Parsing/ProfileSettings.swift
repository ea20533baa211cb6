/// A fleet's settings, checked against what its profile allows, and as the server gets them.
package struct ProfileSettings: Sendable, Equatable {
    /// Every setting that has a value: the fleet's, else the profile's default.
    package let values: [String: JSONValue]
    private let profile: Profile

    /// Throws the first `Problem`, alphabetically. (`FleetSpec.parse` has reported all of them.)
    package init(_ profile: Profile, _ given: [String: JSONValue]) throws(Problem) {
        var values: [String: JSONValue] = [:]
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            guard let setting = profile.settings[name] else { throw Self.unknown(name, of: profile) }
            try setting.check(value)
            values[name] = value
        }
        for (name, setting) in profile.settings where values[name] == nil { values[name] = setting.default }
        self.values = values
        self.profile = profile
    }

    /// Environment name -> value.
    package var environment: [String: String] {
        var environment: [String: String] = [:]
        for (name, value) in values {
            guard let setting = profile.settings[name], !setting.environment.isEmpty else { continue }
            environment[setting.environment] = Self.text(value)
        }
        return environment
    }

    package static func text(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .integer(let number): String(number)
        case .bool(let flag): flag ? "true" : "false"
        case .null, .number, .array, .object: ""
        }
    }

    static func unknown(_ name: String, of profile: Profile) -> Problem {
        let known = profile.settings.keys.sorted()
        let nearest = Spelling.nearest(to: name, in: known)
        return Problem(
            "the profile \(profile.name) has no such setting" + (nearest.map { ", did you mean \($0)?" } ?? ""),
            known.isEmpty ? "remove it: it has none" : "use one of \(known.joined(separator: ", "))")
    }
}

extension Profile.Setting {
    /// Throws a `Problem` unless `value` is of the setting's type and within its bounds.
    package func check(_ value: JSONValue) throws(Problem) {
        switch (type, value) {
        case (.boolean, .bool): return
        case (.boolean, _): throw Problem("must be true or false", "write true or false, without quotes")
        case (.integer, .integer(let number)): try check(number)
        case (.integer, _): throw Problem("must be a whole number", "write \(bounds), without quotes")
        case (.string, .string(let text)): try check(text)
        case (.string, _): throw Problem("must be text", "put it in quotes")
        }
    }

    private func check(_ number: Int) throws(Problem) {
        if let minimum, number < minimum { throw Problem("must be \(bounds)", "raise it") }
        if let maximum, number > maximum { throw Problem("must be \(bounds)", "lower it") }
    }

    private func check(_ text: String) throws(Problem) {
        if let allowed, !allowed.contains(text) {
            let nearest = Spelling.nearest(to: text, in: allowed)
            throw Problem(
                "\(text.quoted) is not allowed" + (nearest.map { ", did you mean \($0)?" } ?? ""),
                "use \(allowed.joined(separator: " or "))")
        }
        guard text.utf8.count <= 1024, !text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) else {
            throw Problem("is too long or holds control characters", "write one line of up to 1024 bytes")
        }
    }

    private var bounds: String {
        switch (minimum, maximum) {
        case (let low?, let high?): "\(low)...\(high)"
        case (let low?, nil): "\(low) or more"
        case (nil, let high?): "\(high) or less"
        case (nil, nil): "a whole number"
        }
    }
}
