import Fleet
import NIOSSL

/// Which certificates issuers may show: those that the system's roots or the plan's `ca` vouch for.
struct IssuerTrust: Sendable {
    let configuration: TLSConfiguration
    /// Tells whether the file has changed since.
    let pem: [UInt8]?

    /// Throws a `PlanFault` when `ca` can't be used: trusting fewer roots than wished would only look
    /// like an issuer's fault.
    init(ca path: String?) throws(PlanFault) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .fullVerification
        var pem: [UInt8]?
        if let path {
            do {
                let bytes = try BoundedFile.read(path, limit: 1 << 20)
                let certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
                guard !certificates.isEmpty else { throw PlanFault("\(path) holds no certificate") }
                configuration.additionalTrustRoots = [.certificates(certificates)]
                pem = bytes
            } catch let fault as BoundedFile.Fault {
                throw PlanFault("cannot read \(path): \(fault.reason)")
            } catch {
                throw PlanFault("\(path) is not a PEM file with certificates")
            }
        }
        self.configuration = configuration
        self.pem = pem
    }
}

/// Why a plan is not applied.
package struct PlanFault: Error, Sendable, Equatable {
    package var reason: String

    package init(_ reason: String) { self.reason = reason }
}
