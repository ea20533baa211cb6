import Admission
import Fleet
import Foundation
import Planning
import Synchronization

/// Asks one issuer whether an opaque token is good (RFC 7662, client_secret_basic).
final class Introspector: Sendable {
    private let issuer: String
    private let clientID: String
    private let secretFile: String
    private let locator: EndpointLocator
    private let http: IssuerHTTP
    private let trust: IssuerTrust
    private let asking = Mutex(0)

    init(
        issuer: String, clientID: String, secretFile: String, locator: EndpointLocator, http: IssuerHTTP,
        trust: IssuerTrust
    ) {
        self.issuer = issuer
        self.clientID = clientID
        self.secretFile = secretFile
        self.locator = locator
        self.http = http
        self.trust = trust
    }

    /// Nil when the secret can be used; else why not.
    var secretFault: String? {
        do throws(IssuerFault) { _ = try secret() } catch { return error.description }
        return nil
    }

    /// The issuer's answer, with a boolean `active`; just that member when the token is not good.
    func introspect(_ token: Secret) async throws(IssuerFault) -> JSONValue {
        guard enter() else { throw IssuerFault("too many questions to \(issuer) at once") }
        defer { asking.withLock { $0 -= 1 } }
        // Read anew each time: a rotated secret needs no reload, and none lies in memory between questions.
        let secret = try secret()
        let endpoint = try await locator.locate()
        let credentials = "\(FormText.encode(clientID)):\(FormText.encode(secret.reveal()))"
        let answer: IssuerHTTP.Answer
        do throws(IssuerFault) {
            answer = try await http.post(
                endpoint, form: "token=\(FormText.encode(token.reveal()))&token_type_hint=access_token",
                authorization: "Basic \(Data(credentials.utf8).base64EncodedString())", trust)
        } catch {
            await locator.forget()
            throw error
        }
        if answer.status == 404 || answer.status == 410 { await locator.forget() }
        if answer.status == 401 { throw IssuerFault("\(issuer) refuses the client secret in \(secretFile)") }
        return try judge(try answer.object())
    }

    private func judge(_ answer: [String: JSONValue]) throws(IssuerFault) -> JSONValue {
        guard let isActive = answer["active"]?.boolValue else {
            throw IssuerFault("\(issuer) does not say whether the token is active")
        }
        // What one issuer says about another's token admits nobody.
        let isOurs = answer["iss"].map { $0.stringValue?.isExactly(issuer) == true } ?? true
        guard isActive, isOurs else { return .object(["active": .bool(false)]) }
        return .object(answer)
    }

    private func secret() throws(IssuerFault) -> Secret {
        do throws(BoundedFile.Fault) { return try BoundedFile.readSecret(secretFile) } catch {
            throw IssuerFault("cannot use the client secret in \(secretFile): \(error.reason)")
        }
    }

    private func enter() -> Bool {
        asking.withLock { count in
            guard count < http.limits.questions else { return false }
            count += 1
            return true
        }
    }
}

/// `application/x-www-form-urlencoded`, which RFC 6749 (2.3.1) also wants for name and secret of a client.
enum FormText {
    static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2a, 0x2d, 0x2e, 0x5f: bytes.append(byte)
            case 0x20: bytes.append(0x2b)
            default: bytes += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
