import Admission
import Crypto
import Fleet
import FoundationEssentials
import NIOSSL

/// A client certificate and its private key.
package struct ClientIdentity: Sendable {
    /// PEM: the client's own certificate first, then those that lead to its issuer.
    let chain: [UInt8]
    /// PEM.
    let key: Secret
    /// The client's own certificate.
    let der: [UInt8]

    /// Throws a `Failure` (`usage`) when the two can't be read or don't belong together.
    package init(chain: [UInt8], key: Secret) throws {
        func refused(_ why: String) -> Failure {
            Failure(
                .usage, "cannot use the client certificate", because: why,
                next: "give the certificate (chain) and its private key in two PEM files, the key without passphrase")
        }
        guard let der = try? NIOSSLCertificate.fromPEMBytes(chain).first?.toDERBytes() else {
            throw refused("there is no certificate in PEM in the file")
        }
        guard (try? NIOSSLPrivateKey(bytes: Array(key.reveal().utf8), format: .pem)) != nil else {
            throw refused("there is no private key in PEM in the file")
        }
        self.init(chain: chain, key: key, der: der)
    }

    private init(chain: [UInt8], key: Secret, der: [UInt8]) {
        self.chain = chain
        self.key = key
        self.der = der
    }

    /// Somebody whom nobody certified.
    static func stranger() throws -> ClientIdentity {
        let key = P256.Signing.PrivateKey()
        let der = try DER.certificate(over: Array(key.publicKey.derRepresentation))
        let pem = "-----BEGIN CERTIFICATE-----\n\(Data(der).base64EncodedString())\n-----END CERTIFICATE-----\n"
        return ClientIdentity(chain: Array(pem.utf8), key: Secret(key.pemRepresentation), der: der)
    }

    /// `x5t#S256` of a token that is bound to it (RFC 8705, 3.1).
    var thumbprint: String { Base64URL.encode(Array(SHA256.hash(data: Data(der)))) }

    var base64: String { Data(der).base64EncodedString() }
}

/// Ways to the edge that prove a client certificate.
package struct CertifiedClient: Sendable {
    let identity: ClientIdentity
    /// Proves `identity`.
    let wire: any Wire
    /// Proves that of somebody whom nobody certified.
    let strangerWire: any Wire

    /// - Parameter wire: makes a wire to the same edge that proves this identity.
    package init(_ identity: ClientIdentity, wire: (ClientIdentity) throws -> any Wire) throws {
        self.identity = identity
        self.wire = try wire(identity)
        strangerWire = try wire(.stranger())
    }
}
