import Fleet
import Templates

/// Turns plans into the units that systemd runs instances by. Equal plans give equal bytes.
package enum UnitRenderer {
    /// Name of the slice's file: no dash, so that it is a child of nobody's.
    package static let sliceFile = "convoy.slice"

    /// The path is the unit's name. Throws a `Failure` (`badSpec`) when a value can't stand in a unit, or when the
    /// template is broken. `template`: the operator's own instead of the built-in.
    package static func render(_ plan: UnitPlan, template: String? = nil) throws -> RenderedFile {
        let name = "systemd/instance.service.mustache"
        let text = template ?? Templates.all[name] ?? ""
        return RenderedFile(
            path: UnitPlan.unitName(plan.instance),
            content: try TextTemplate(name: name, text: text).render(UnitContext(plan)))
    }

    /// The slice of all instances. Its addresses may change while they run: a daemon-reload applies them.
    package static func render(_ plan: SlicePlan, template: String? = nil) throws -> RenderedFile {
        struct Context {
            let fleet: String
            let wish: String
            let addresses: [Address]
        }
        struct Address { let address: String }
        let name = "systemd/convoy.slice.mustache"
        let text = template ?? Templates.all[name] ?? ""
        // It would allow everything, and nobody would notice.
        if let open = plan.addresses.first(where: { $0.prefix < 8 }) {
            throw SystemdText("database address").refused(open.text, "shorter than 8 bits: that is no database")
        }
        let addresses = Set(plan.addresses.map(\.text)).sorted().map(Address.init)
        let context = Context(
            fleet: try SystemdText("fleet").name(plan.fleet), wish: plan.wish.hex, addresses: addresses)
        return RenderedFile(path: sliceFile, content: try TextTemplate(name: name, text: text).render(context))
    }
}
