/// The fields by which Convoy finds its lines in the journal again. Units of instances set theirs by
/// `LogExtraFields=`.
package enum JournalField {
    package static let fleet = "CONVOY_FLEET"
    package static let pool = "CONVOY_POOL"
    package static let instance = "CONVOY_INSTANCE"
    package static let generation = "CONVOY_GENERATION"
}
