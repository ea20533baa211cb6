import CSystemd
import Fleet
import Glibc
import Planning

/// What systemd is asked.
enum BusRequest: Sendable {
    /// A method of systemd's manager with up to two texts as arguments.
    case manage(String, String? = nil, String? = nil)
    case kill(UnitName, whom: String, signal: Int32)
    /// All that one interface of a unit tells.
    case look(UnitName, Interface)

    enum Interface: String, Sendable {
        case unit = "org.freedesktop.systemd1.Unit"
        case service = "org.freedesktop.systemd1.Service"
    }

    /// 0 or a negative error number.
    func send(over bus: OpaquePointer, number: UInt64, timeout: Seconds) -> Int32 {
        let microseconds = UInt64(max(0, timeout.value) * 1_000_000)
        switch self {
        case .manage(let member, let first, let second):
            return convoy_bus_manage(bus, number, member, first, second, microseconds)
        case .kill(let unit, let whom, let signal):
            return convoy_bus_kill(bus, number, unit.text, whom, signal, microseconds)
        case .look(let unit, let interface):
            return convoy_bus_look(bus, number, unit.path, interface.rawValue, microseconds)
        }
    }
}

/// An answer that is no error.
struct BusReply: Sendable {
    /// Of a job or a unit; empty when the answer has none.
    var path: String
    var facts: UnitFacts
}

enum BusFault: Error, Sendable, Equatable {
    /// Nobody answers now: the bus or systemd itself is away, or too busy. Asking again may help.
    case lost(String)
    case refused(name: String, text: String)

    init(name: String, text: String) {
        let isLost = Self.passing.contains(name) || name.hasPrefix("org.freedesktop.DBus.Error.Spawn.")
        self = isLost ? .lost(text.isEmpty ? name : text) : .refused(name: name, text: text)
    }

    var words: String {
        switch self {
        case .lost(let text): text
        case .refused(let name, let text): text.isEmpty ? name : text
        }
    }

    private static let passing = Set(
        ["NoReply", "ServiceUnknown", "NameHasNoOwner", "Disconnected", "Timeout", "TimedOut", "NoServer"]
            .map { "org.freedesktop.DBus.Error." + $0 } + ["System.Error.ECONNRESET", "System.Error.ENOTCONN"])
}

extension UnitName {
    /// Its object on the bus.
    var path: String {
        guard let path = convoy_unit_path(text) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }
}
