//! Signatures: HMAC-SHA256 (RFC 2104), in the forms that receivers expect.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac::{HMAC_SHA256, Key, sign};

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), text).as_ref().to_vec()
}

/// Ours: hexadecimal, over the seconds since 1970, a full stop and the body.
#[must_use]
pub fn webhook(secret: &[u8], seconds: i64, body: &str) -> String {
    hmac(secret, format!("{seconds}.{body}").as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

/// DingTalk's: over milliseconds, a line break and the secret, with the secret as key; Base64, percent-encoded.
#[must_use]
pub fn dingtalk(secret: &str, millis: i64) -> String {
    let mac = STANDARD.encode(hmac(secret.as_bytes(), format!("{millis}\n{secret}").as_bytes()));
    utf8_percent_encode(&mac, NON_ALPHANUMERIC).to_string()
}

/// Feishu's: over nothing, with seconds, a line break and the secret as key; Base64.
#[must_use]
pub fn feishu(secret: &str, seconds: i64) -> String {
    STANDARD.encode(hmac(format!("{seconds}\n{secret}").as_bytes(), b""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's `hmac`, `hashlib` and `base64`.
    #[test]
    fn each_signature_is_what_others_compute() {
        assert_eq!(
            webhook(b"secret", 1_700_000_000, "{}"),
            "b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
        );
        assert_eq!(dingtalk("this is secret", 1_700_000_000_000), "sSFWELbV2YwjdDQhWZwTcWlX5BWUx5J6TPpsZmuPii0%3D");
        assert_eq!(feishu("this is secret", 1_700_000_000), "OfGzRzoUICBOoc8wVra1e4A1hPfbZ9zqXozA8CWVUuY=");
    }
}
