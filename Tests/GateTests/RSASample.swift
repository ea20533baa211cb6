import Fleet

/// A key whose private half was thrown away after it had signed one token that lives until 2100.
enum RSASample {
    static let jwks: JSONValue = .object([
        "keys": .array([
            .object(["kty": .string("OKP"), "crv": .string("Ed25519"), "kid": .string("not-for-us")]),
            .object(["kty": .string("RSA"), "use": .string("enc"), "kid": .string("rsa-enc")]),
            .object([
                "kty": .string("RSA"), "use": .string("sig"), "kid": .string("rsa-1"), "e": .string("AQAB"),
                "n": .string(modulus),
            ]),
        ])
    ])

    private static let modulus = [
        "rk-GY1h_zRHJwUfKXjUMx_JKwkWrOUrBTdSGYnswwAcadccg6rQnWP6JnQvv2TXI_wBOTjXR5yP0rFDIqb8hNA6488tGim54",
        "MQ5brDVmacieebmodgINbAmQL0SC1h8c2-2op2CHDhQK3PmvWv39davQL6IxEakUis47Lsh-8NpWfavh2g7bM8vSHNQk63Dv",
        "Em3YQTDvR5HgRLZ1hrDXFfli4ncP09VJgcKTlmepvkwmD6035FfkwnyQ0JsP30aZYFNE3UrPnsN_DXbhsTGE4lPUHZI5VuNn",
        "VXVrzhOs8NCqFs6ejHZ3PBMBLC9D-fIbp43IJ8YCy2flxXlvQI638Q",
    ].joined()

    static let token = [
        "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYS0xIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUu",
        "Y29tIiwic3ViIjoiZ3JhY2UiLCJhdWQiOlsiaHR0cHM6Ly9tY3AuZXhhbXBsZS5jb20vYW5hbHl0aWNzL21jcCJdLCJzY29w",
        "ZSI6Im1jcDphbmFseXRpY3MiLCJleHAiOjQxMDI0NDQ4MDB9.gJMoVWIOq3INquylAM6irK32xXapiU0g8ElXMg0utMPPEUJ",
        "vQZbbw4PfmKeQUAGr6KWTJh82nVP4CFePNkYkGaB5AQO2XkVupGtXYtqlo21dH1aSWCGIDNCGS2cf3urxrkbUmWbs0GtxkEX",
        "C-VUlL17ScqI8PrxnMN2E6c9Y5lcPI0Ab285_cQSrZoGlCmdDgZT7PXxrQV-9f3m-m0HxS_8JHz-kSCFnu8sFtGF5CD5MkCS",
        "KyFJAD5WrWQXhZaBEiBBN50QzNK34n9xbRVU2wKHltGJO6cvwtGscGa6n6ee74jkFh4nV6n3DXZG0hVoh1OqwJ3WQqN1FavS",
        "N8VP_7Q",
    ].joined()
}
