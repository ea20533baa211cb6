import Fleet
import Ports

extension HostsControl {
    /// What hosts do by the operator's word only, while it holds.
    struct Held: Equatable {
        let generation: Int
        /// Beside the generation that serves; else it serves.
        let isShare: Bool
        let hosts: Set<String>

        /// Why a host that says so does not hold it any more.
        func fault(_ report: StatusReport) -> String? {
            guard isShare else {
                let serving = report.status.generation
                return serving == generation ? nil : "it went back to generation \(serving)"
            }
            return report.trial?.generation == generation ? nil : "it gives generation \(generation) no share any more"
        }
    }
}
