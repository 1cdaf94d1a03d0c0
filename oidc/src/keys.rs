//! The keys that an issuer publishes (JWK Set, RFC 7517 and 7518), and what they verify.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;

/// The most keys of a set that are kept; providers publish two or three.
const MOST: usize = 50;

/// How a token is signed. There is no `none` here, and nothing with a shared secret (`HS…`): a public key that somebody takes
/// for such a secret would let anybody sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

impl Algorithm {
    const ALL: [(&'static str, Self); 9] = [
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("EdDSA", Self::EdDsa),
    ];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(n, _)| *n == name).map(|(_, a)| *a)
    }
}

/// What a key is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A key that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    id: Option<String>,
    algorithm: Option<String>,
    material: Material,
}

#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Key {
    /// One that may be for signatures and that is of a kind known here; the others of a set are for somebody else.
    fn read(w: Written) -> Option<Self> {
        if w.usage.is_some_and(|u| u != "sig") {
            return None;
        }
        let part = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
        let point = |size: usize| {
            let (x, y) = (part(&w.x)?, part(&w.y)?);
            (x.len() == size && y.len() == size).then(|| [&[4][..], &x, &y].concat())
        };
        let material = match (&*w.kty, w.crv.as_deref()) {
            ("RSA", _) => Material::Rsa { n: part(&w.n)?, e: part(&w.e)? },
            ("EC", Some("P-256")) => Material::P256(point(32)?),
            ("EC", Some("P-384")) => Material::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(part(&w.x)?),
            _ => return None,
        };
        Some(Self { id: w.kid, algorithm: w.alg, material })
    }

    /// Whether `signature` over `message` is of this key, by this algorithm. The algorithm has to be one of the key's kind: what
    /// the token says of itself never chooses how a key is used. RSA keys have at least 2048 bits.
    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        use Algorithm as A;
        let rsa = |how| match &self.material {
            Material::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(how, message, signature).is_ok(),
            _ => false,
        };
        let other = |how: &'static dyn signature::VerificationAlgorithm, bytes: &[u8]| {
            UnparsedPublicKey::new(how, bytes).verify(message, signature).is_ok()
        };
        match (algorithm, &self.material) {
            (A::Rs256, _) => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            (A::Rs384, _) => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            (A::Rs512, _) => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            (A::Ps256, _) => rsa(&signature::RSA_PSS_2048_8192_SHA256),
            (A::Ps384, _) => rsa(&signature::RSA_PSS_2048_8192_SHA384),
            (A::Ps512, _) => rsa(&signature::RSA_PSS_2048_8192_SHA512),
            (A::Es256, Material::P256(point)) => other(&signature::ECDSA_P256_SHA256_FIXED, point),
            (A::Es384, Material::P384(point)) => other(&signature::ECDSA_P384_SHA384_FIXED, point),
            (A::EdDsa, Material::Ed25519(key)) => other(&signature::ED25519, key),
            _ => false,
        }
    }
}

/// The keys of an issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

/// Not a set of keys, or none in it that could be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a JWK Set with at least one RSA, P-256, P-384 or Ed25519 key for signatures")]
pub struct NoKeys;

impl Keys {
    /// From a JWK Set.
    ///
    /// # Errors
    /// Where it is none, or has no key that could be used here.
    pub fn parse(json: &[u8]) -> Result<Self, NoKeys> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = serde_json::from_slice(json).map_err(|_| NoKeys)?;
        let read = |v| serde_json::from_value::<Written>(v).ok().and_then(Key::read);
        let keys: Vec<_> = set.keys.into_iter().filter_map(read).take(MOST).collect();
        if keys.is_empty() { Err(NoKeys) } else { Ok(Self(keys)) }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a key that a token may mean that names this one, or names none.
    pub(crate) fn knows(&self, id: Option<&str>) -> bool {
        self.meant(id).next().is_some()
    }

    fn meant<'k>(&'k self, id: Option<&'k str>) -> impl Iterator<Item = &'k Key> {
        self.0.iter().filter(move |k| id.is_none() || k.id.as_deref() == id)
    }

    /// Whether a key that is meant by `id` verifies the signature.
    pub(crate) fn verify(&self, id: Option<&str>, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let suits = |k: &&Key| k.algorithm.as_deref().is_none_or(|a| Algorithm::parse(a) == Some(algorithm));
        self.meant(id).filter(suits).any(|k| k.verifies(algorithm, message, signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 7515, appendices A.2 and A.3: tokens, signed with RS256 and ES256.
    #[test]
    fn the_examples_of_the_rfc_verify_and_nothing_else_does() {
        const RSA: &str = r#"{"keys":[{"kty":"RSA","kid":"r","use":"sig",
            "n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            "e":"AQAB"}]}"#;
        const EC: &str = r#"{"keys":[{"kty":"oct","k":"AyM1"},{"kty":"EC","crv":"P-256","kid":"e",
            "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
        const PAYLOAD: &str =
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let rsa_signature = URL_SAFE_NO_PAD
            .decode(
                "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
            )
            .unwrap();
        let ec_signature = URL_SAFE_NO_PAD
            .decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
            .unwrap();
        let (rsa, ec) = (Keys::parse(RSA.as_bytes()).unwrap(), Keys::parse(EC.as_bytes()).unwrap());
        assert_eq!((rsa.len(), ec.len()), (1, 1), "what is shared is no key here");
        let rs = format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}");
        let es = format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}");
        assert!(rsa.verify(None, Algorithm::Rs256, rs.as_bytes(), &rsa_signature));
        assert!(rsa.verify(Some("r"), Algorithm::Rs256, rs.as_bytes(), &rsa_signature));
        assert!(ec.verify(Some("e"), Algorithm::Es256, es.as_bytes(), &ec_signature));
        for (keys, id, algorithm, message, signature) in [
            (&rsa, Some("other"), Algorithm::Rs256, &rs, &rsa_signature),
            (&rsa, None, Algorithm::Rs512, &rs, &rsa_signature),
            (&rsa, None, Algorithm::Ps256, &rs, &rsa_signature),
            (&rsa, None, Algorithm::Es256, &rs, &rsa_signature),
            (&rsa, None, Algorithm::Rs256, &es, &rsa_signature),
            (&ec, None, Algorithm::Rs256, &es, &ec_signature),
            (&ec, None, Algorithm::Es384, &es, &ec_signature),
            (&ec, None, Algorithm::Es256, &es, &rsa_signature),
        ] {
            assert!(!keys.verify(id, algorithm, message.as_bytes(), signature), "{id:?} {algorithm:?}");
        }
    }

    #[test]
    fn keys_for_others_and_nonsense_are_left_out() {
        for bad in [
            "",
            "[]",
            r#"{"keys":[]}"#,
            r#"{"keys":[{"kty":"oct","k":"AyM1"}]}"#,
            r#"{"keys":[{"kty":"RSA","n":"!","e":"AQAB"}]}"#,
            r#"{"keys":[{"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"}]}"#,
            r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AQAB","y":"AQAB"}]}"#,
            r#"{"keys":[{"kty":"EC","crv":"secp256k1","x":"AQAB","y":"AQAB"},7,null]}"#,
        ] {
            assert_eq!(Keys::parse(bad.as_bytes()), Err(NoKeys), "{bad}");
        }
        for name in ["none", "None", "HS256", "HS512", "rs256", ""] {
            assert_eq!(Algorithm::parse(name), None, "{name}");
        }
    }
}
