import Fleet
import Planning
import Ports

// What clients find in each generation. One entry each: its instances list the same, or it never serves.
extension FleetSupervisor: OfferControl {
    package func offer(of generation: Int) async throws -> ReleaseOffer? {
        await untilTakenOver()
        return offers[generation]
    }

    /// Of an instance whose answers are right: another one is not of this release, or not fit.
    func note(_ observation: InstanceMachine.Observation, of instance: InstancePlan) {
        guard observation.finding == .passed, let offer = observation.offer else { return }
        offers = offers.filter { plans[$0.key] != nil }
        offers[instance.generation] = offer
    }
}
