//! What may be believed of an ID token (OpenID Connect Core 1.0, section 3.1.3.7). Pure: keys and time are handed in.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use plant::Timestamp;
use ring::digest::{SHA256, SHA384, SHA512, digest};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::keys::{Algorithm, Keys};

/// How far the provider's clock and ours may stand apart.
const SKEW: Duration = Duration::from_secs(60);
/// The longest token that is looked at, bytes.
const LONGEST: usize = 64 << 10;

/// What is expected of a token.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Who is to have issued it, to the letter.
    pub issuer: &'a str,
    /// For whom.
    pub client_id: &'a str,
    /// What it is to answer.
    pub nonce: &'a str,
    /// The access token that came with it, if one did.
    pub access_token: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
}

/// Why a token is not believed. What is quoted has been signed by nobody: it is short and for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64url with JSON in the first two.
    #[error("the ID token is no signed JWT")]
    Malformed,
    /// An algorithm that is not believed.
    #[error("the ID token is signed with {0:?}; expected RS256, PS256, ES256, EdDSA or their longer forms")]
    Algorithm(String),
    /// It asks for what is not understood here (RFC 7515, section 4.1.11).
    #[error("the ID token has critical headers, of which none is understood")]
    Critical,
    /// None of the issuer's keys is meant: they may have changed since they were read.
    #[error("the ID token names a key that its issuer does not publish")]
    UnknownKey,
    /// The signature is of nobody.
    #[error("the signature of the ID token is not of its issuer")]
    Signature,
    /// Somebody else's.
    #[error("the ID token is issued by {found:?}; expected {expected:?}")]
    Issuer {
        /// As it says.
        found: String,
        /// As it was set.
        expected: String,
    },
    /// For somebody else.
    #[error("the ID token is for {found:?}; expected {expected:?}, the client_id")]
    Audience {
        /// As it says.
        found: String,
        /// Ours.
        expected: String,
    },
    /// Too old.
    #[error("the ID token has expired; if it had not, compare this computer's clock with the provider's")]
    Expired,
    /// From the future.
    #[error("the ID token is not valid yet: compare this computer's clock with the provider's")]
    Early,
    /// Of another log-in.
    #[error("the ID token answers another log-in (its nonce differs)")]
    Nonce,
    /// Of another access token.
    #[error("the ID token and the access token do not belong together (at_hash)")]
    AccessToken,
    /// A claim that has to be there is not, or has another type.
    #[error("the ID token has no {0} that could be used")]
    Missing(&'static str),
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// The claims of a token that is believed.
pub type Claims = Map<String, Value>;

/// Believes a token, or says why not.
///
/// # Errors
/// Where anything is not as it is expected.
pub fn verify(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Claims, TokenError> {
    if token.len() > LONGEST {
        return Err(TokenError::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
    let header: Header = serde_json::from_slice(&bytes(header)?).map_err(|_| TokenError::Malformed)?;
    let (payload, signature) = (bytes(payload)?, bytes(signature)?);
    if header.crit.is_some() {
        return Err(TokenError::Critical);
    }
    let algorithm = Algorithm::parse(&header.alg).ok_or_else(|| TokenError::Algorithm(short(&header.alg)))?;
    let id = header.kid.as_deref();
    if !keys.knows(id) {
        return Err(TokenError::UnknownKey);
    }
    if !keys.verify(id, algorithm, message.as_bytes(), &signature) {
        return Err(TokenError::Signature);
    }
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| TokenError::Malformed)?;
    whose(&claims, expected)?;
    when(&claims, expected.now)?;
    if text(&claims, "nonce") != Some(expected.nonce) {
        return Err(TokenError::Nonce);
    }
    if text(&claims, "sub").is_none_or(|s| s.is_empty() || s.len() > 255) {
        return Err(TokenError::Missing("sub"));
    }
    if let (Some(hash), Some(access)) = (claims.get("at_hash"), expected.access_token)
        && hash.as_str() != Some(&at_hash(algorithm, access))
    {
        return Err(TokenError::AccessToken);
    }
    Ok(claims)
}

fn bytes(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

fn text<'c>(claims: &'c Claims, name: &str) -> Option<&'c str> {
    claims.get(name)?.as_str()
}

fn whose(claims: &Claims, expected: &Expected<'_>) -> Result<(), TokenError> {
    let issuer = text(claims, "iss").unwrap_or("");
    if issuer != expected.issuer {
        return Err(TokenError::Issuer { found: short(issuer), expected: expected.issuer.into() });
    }
    let audience = match claims.get("aud") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let party = text(claims, "azp");
    let ours = audience.contains(&expected.client_id);
    // Where it is for several, it was still asked for by us.
    let asked = match party {
        Some(party) => party == expected.client_id,
        None => audience.len() == 1 && !claims.contains_key("azp"),
    };
    if ours && asked {
        return Ok(());
    }
    let found = short(&audience.into_iter().chain(party).collect::<Vec<_>>().join(" "));
    Err(TokenError::Audience { found, expected: expected.client_id.into() })
}

fn when(claims: &Claims, now: Timestamp) -> Result<(), TokenError> {
    // Seconds since 1970, perhaps with a fraction; beyond any year that there will be is a mistake.
    let at = |name: &'static str| {
        let seconds = claims.get(name).map(|v| v.as_f64().filter(|s| (0.0..1e11).contains(s)));
        seconds.map(|s| s.map(|s| Timestamp::from_secs(s as i64)).ok_or(TokenError::Missing(name))).transpose()
    };
    if at("exp")?.ok_or(TokenError::Missing("exp"))? + SKEW <= now {
        return Err(TokenError::Expired);
    }
    let issued = at("iat")?.ok_or(TokenError::Missing("iat"))?;
    if issued > now + SKEW || at("nbf")?.is_some_and(|t| t > now + SKEW) {
        return Err(TokenError::Early);
    }
    Ok(())
}

/// The left half of the hash that the signature's algorithm uses (section 3.1.3.6). EdDSA with Ed25519 uses SHA-512.
fn at_hash(algorithm: Algorithm, access: &str) -> String {
    let how = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => &SHA256,
        Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 => &SHA384,
        Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::EdDsa => &SHA512,
    };
    let hash = digest(how, access.as_bytes());
    let hash = hash.as_ref();
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

/// What a claim says: a text, or several. `name` is that of a claim or, where there is none of that name, a path of names with
/// dots between them (`realm_access.roles`).
#[must_use]
pub fn said(claims: &Claims, name: &str) -> Vec<String> {
    let mut found = claims.get(name);
    if found.is_none() {
        let mut parts = name.split('.');
        found = parts.next().and_then(|first| claims.get(first));
        for part in parts {
            found = found.and_then(|v| v.get(part));
        }
    }
    let one = |v: &Value| match v {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    };
    match found {
        Some(Value::Array(many)) => many.iter().filter_map(one).collect(),
        Some(v) => one(v).into_iter().collect(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::signer::Signer;

    const NOW: i64 = 1_795_392_000;

    fn published(signer: &Signer) -> Keys {
        Keys::parse(signer.set("a").to_string().as_bytes()).unwrap()
    }

    fn expected<'a>() -> Expected<'a> {
        Expected {
            issuer: "https://login.plant",
            client_id: "danxia",
            nonce: "n-1",
            access_token: Some("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            now: Timestamp::from_secs(NOW),
        }
    }

    fn claims() -> Value {
        json!({
            "iss": "https://login.plant", "aud": "danxia", "sub": "17", "nonce": "n-1", "iat": NOW - 5, "exp": NOW + 300,
            "at_hash": "77QmUPtjPfzWtF2AnpK9RQ",
        })
    }

    fn header() -> Value {
        json!({"alg": "ES256", "kid": "a"})
    }

    /// `at_hash` of the sound token is the example of OpenID Connect Core 1.0, appendix A.3.
    #[test]
    fn a_token_is_believed_when_everything_is_as_expected() {
        let signer = Signer::new();
        let keys = published(&signer);
        let found = verify(&signer.sign(&header(), &claims()), &keys, &expected()).unwrap();
        assert_eq!(found["sub"], "17");
        for (claim, value) in [
            ("aud", json!(["danxia"])),
            ("exp", json!(NOW - 59)),
            ("exp", json!(NOW as f64 + 0.5)),
            ("iat", json!(NOW + 60)),
            ("nbf", json!(NOW)),
            ("azp", json!("danxia")),
            ("groups", json!([1, {"a": 2}])),
        ] {
            let mut said = claims();
            said[claim] = value;
            assert!(verify(&signer.sign(&header(), &said), &keys, &expected()).is_ok(), "{said}");
        }
        let mut several = claims();
        (several["aud"], several["azp"]) = (json!(["danxia", "grafana"]), json!("danxia"));
        assert!(verify(&signer.sign(&header(), &several), &keys, &expected()).is_ok());
    }

    #[test]
    fn whatever_is_not_as_expected_is_said() {
        let signer = Signer::new();
        let keys = published(&signer);
        let audience = |found: &str| TokenError::Audience { found: found.into(), expected: "danxia".into() };
        let issuer = |found: &str| TokenError::Issuer { found: found.into(), expected: "https://login.plant".into() };
        for (claim, value, want) in [
            ("iss", json!("https://login.plant/"), issuer("https://login.plant/")),
            ("iss", Value::Null, issuer("")),
            ("aud", json!("grafana"), audience("grafana")),
            ("aud", json!(["danxia", "grafana"]), audience("danxia grafana")),
            ("aud", json!([]), audience("")),
            ("aud", json!(7), audience("")),
            ("azp", json!("grafana"), audience("danxia grafana")),
            ("azp", json!(7), audience("danxia")),
            ("exp", json!(NOW - 60), TokenError::Expired),
            ("exp", json!(0), TokenError::Expired),
            ("exp", json!("tomorrow"), TokenError::Missing("exp")),
            ("exp", json!(1e300), TokenError::Missing("exp")),
            ("exp", Value::Null, TokenError::Missing("exp")),
            ("iat", Value::Null, TokenError::Missing("iat")),
            ("iat", json!(NOW + 61), TokenError::Early),
            ("nbf", json!(NOW + 61), TokenError::Early),
            ("nbf", json!("now"), TokenError::Missing("nbf")),
            ("nonce", json!("n-2"), TokenError::Nonce),
            ("nonce", Value::Null, TokenError::Nonce),
            ("sub", json!(""), TokenError::Missing("sub")),
            ("sub", json!(17), TokenError::Missing("sub")),
            ("sub", json!("x".repeat(256)), TokenError::Missing("sub")),
            ("at_hash", json!("77QmUPtjPfzWtF2AnpK9RR"), TokenError::AccessToken),
            ("at_hash", json!(1), TokenError::AccessToken),
        ] {
            let mut said = claims();
            said[claim] = value;
            assert_eq!(verify(&signer.sign(&header(), &said), &keys, &expected()), Err(want), "{said}");
        }
        for (header, want) in [
            (json!({"alg": "none", "kid": "a"}), TokenError::Algorithm("none".into())),
            (json!({"alg": "HS256", "kid": "a"}), TokenError::Algorithm("HS256".into())),
            (json!({"alg": "RS256", "kid": "a"}), TokenError::Signature),
            (json!({"alg": "ES256", "kid": "b"}), TokenError::UnknownKey),
            (json!({"alg": "ES256", "kid": "a", "crit": ["b64"]}), TokenError::Critical),
            (json!({"kid": "a"}), TokenError::Malformed),
        ] {
            assert_eq!(verify(&signer.sign(&header, &claims()), &keys, &expected()), Err(want), "{header}");
        }
    }

    #[test]
    fn another_signer_a_changed_token_and_nonsense_are_not_believed() {
        let (signer, other) = (Signer::new(), Signer::new());
        let keys = published(&signer);
        let sound = signer.sign(&header(), &claims());
        assert_eq!(verify(&other.sign(&header(), &claims()), &keys, &expected()), Err(TokenError::Signature));
        let parts: Vec<_> = sound.split('.').collect();
        let mut said = claims();
        said["sub"] = json!("1");
        let changed = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(said.to_string()), parts[2]);
        assert_eq!(verify(&changed, &keys, &expected()), Err(TokenError::Signature));
        let unsigned = format!("{}.{}.", parts[0], parts[1]);
        assert_eq!(verify(&unsigned, &keys, &expected()), Err(TokenError::Signature));
        for bad in ["", ".", "..", "a.b", "a.b.c", &parts[..2].join("."), &"x".repeat(70_000)] {
            assert_eq!(verify(bad, &keys, &expected()), Err(TokenError::Malformed), "{bad:.20}");
        }
        assert_eq!(verify(&sound, &Keys::default(), &expected()), Err(TokenError::UnknownKey));
    }

    #[test]
    fn claims_are_found_by_name_or_path() {
        let claims = json!({
            "groups": ["a", "b", 7, {}], "role": "x", "realm_access": {"roles": ["r"]}, "https://plant/roles": ["u"],
        });
        let claims = claims.as_object().unwrap();
        for (name, want) in [
            ("groups", &["a", "b", "7"][..]),
            ("role", &["x"]),
            ("realm_access.roles", &["r"]),
            ("https://plant/roles", &["u"]),
            ("realm_access", &[]),
            ("role.x", &[]),
            ("none", &[]),
        ] {
            assert_eq!(said(claims, name), want, "{name}");
        }
    }
}
