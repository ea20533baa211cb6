/// Signature algorithms of tokens that Convoy can check (RFC 7518, 3.1; RFC 8037). Only with public
/// keys: `none` and the HMACs are not in it, so that no list can allow them.
package enum TokenAlgorithm: String, Sendable, Equatable, Codable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"
}
