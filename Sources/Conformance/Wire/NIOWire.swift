import Fleet
import NIOCore
import NIOPosix
import NIOSSL

/// Plain TCP or TLS to one address. Nothing is pooled: the end of a connection is part of an answer.
package struct NIOWire: Wire {
    let address: String
    let port: Int
    private let tls: TLS?
    private static let connectLimit = TimeAmount.seconds(5)

    /// The certificate must be good for `name`, by the system's roots and `roots` (PEM). Who is asked for one
    /// shows `identity`.
    package struct TLS: Sendable {
        var name: String
        var roots: [UInt8]?
        var identity: ClientIdentity?

        package init(name: String, roots: [UInt8]? = nil, identity: ClientIdentity? = nil) {
            self.name = name
            self.roots = roots
            self.identity = identity
        }
    }

    package init(address: String, port: Int, tls: TLS?) {
        self.address = address
        self.port = port
        self.tls = tls
    }

    package func exchange(_ bytes: [UInt8], _ patience: Patience) async throws(WireFault) -> Received {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let done = loop.makePromise(of: Received.self)
        let channel = try await open(loop, .v12 ... .v13, verifyingName: true, done) {
            ExchangeHandler(patience, done)
        }
        // Who is refused early may find the connection closed while still talking: the answer counts.
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
        do {
            return try await withTaskCancellationHandler {
                try await done.futureResult.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch {
            throw WireFault("\(error)")
        }
    }

    package func handshake(_ version: TLSRelease, verifyingName: Bool) async throws(WireFault) -> String? {
        guard tls != nil else { throw WireFault("this edge speaks plain HTTP") }
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let done = loop.makePromise(of: String?.self)
        _ = try await open(loop, version...version, verifyingName: verifyingName, done) { HandshakeHandler(done) }
        do { return try await done.futureResult.get() } catch { throw WireFault("\(error)") }
    }

    private func open<Value: Sendable>(
        _ loop: any EventLoop, _ versions: ClosedRange<TLSRelease>, verifyingName: Bool,
        _ done: EventLoopPromise<Value>, _ handler: @escaping @Sendable () -> any ChannelHandler
    ) async throws(WireFault) -> any Channel {
        do {
            let context = try tls.map { try Self.context($0, versions, verifyingName) }
            let name = tls.flatMap { Self.isAddress($0.name) ? nil : $0.name }
            return try await ClientBootstrap(group: loop)
                .connectTimeout(Self.connectLimit)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if let context {
                            try channel.pipeline.syncOperations.addHandler(
                                NIOSSLClientHandler(context: context, serverHostname: name))
                        }
                        try channel.pipeline.syncOperations.addHandler(handler())
                    }
                }
                .connect(host: address, port: port).get()
        } catch {
            let fault = WireFault("cannot connect to \(address) port \(port): \(error)")
            done.fail(fault)
            throw fault
        }
    }

    private static func context(
        _ tls: TLS, _ versions: ClosedRange<TLSRelease>, _ verifyingName: Bool
    ) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = versions.lowerBound.nio
        configuration.maximumTLSVersion = versions.upperBound.nio
        configuration.applicationProtocols = ["http/1.1"]
        if !verifyingName { configuration.certificateVerification = .none }
        if let roots = tls.roots {
            configuration.additionalTrustRoots = [.certificates(try NIOSSLCertificate.fromPEMBytes(roots))]
        }
        if let identity = tls.identity {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(identity.chain).map { .certificate($0) }
            let key = try NIOSSLPrivateKey(bytes: Array(identity.key.reveal().utf8), format: .pem)
            configuration.privateKey = .privateKey(key)
        }
        return try NIOSSLContext(configuration: configuration)
    }

    /// Such a name goes into no SNI; the certificate is then held against the address itself.
    private static func isAddress(_ name: String) -> Bool {
        (try? SocketAddress(ipAddress: name, port: 0)) != nil
    }
}

extension TLSRelease: Comparable {
    package static func < (left: TLSRelease, right: TLSRelease) -> Bool { left.rawValue < right.rawValue }

    var nio: TLSVersion {
        switch self {
        case .v10: .tlsv1
        case .v11: .tlsv11
        case .v12: .tlsv12
        case .v13: .tlsv13
        }
    }
}
