/// What a machine can tell of instances without asking them. Never throws: where nothing can be seen, nothing is.
package protocol InstanceMeter: Sendable {
    /// Lines that the edge has completed in its access log since the last call; the first call finds none.
    func accessLines() -> [String]
    /// The same of its error log.
    func faultLines() -> [String]
    /// Resident bytes of each process with all that descends from it, by the record's id; without those that
    /// are gone.
    func residentBytes(of records: [ProcessRecord]) -> [String: Int]
}
