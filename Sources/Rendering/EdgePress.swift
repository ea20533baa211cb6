import Fleet

/// Renders an `EdgePlan` again only when it is another one: a supervisor looks at its edge at every change of an
/// instance, and nearly none of them changes a byte of it.
package struct EdgePress: Sendable {
    private var last: (plan: EdgePlan, files: [RenderedFile])?

    package init() {}

    /// As `EdgeRenderer.render`.
    package mutating func files(of plan: EdgePlan) throws -> [RenderedFile] {
        if let last, last.plan == plan { return last.files }
        let files = try EdgeRenderer.render(plan)
        last = (plan, files)
        return files
    }
}
