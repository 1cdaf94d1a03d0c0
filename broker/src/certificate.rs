//! Reading who a client certificate speaks for. It was verified before it comes here.
//!
//! `webpki`, which verified it, also gives serial number, URI names and the subject; only the common name inside the
//! subject is looked for here.

use std::fmt::Write as _;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::intake::Certificate;

/// The object identifier of `commonName`, 2.5.4.3 (RFC 5280, appendix A.1), as it is encoded.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

const SET: u8 = 0x31;
const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;

impl Certificate {
    /// From the DER form of a certificate; `None` when it is none.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Certificate> {
        let encoded = CertificateDer::from(der);
        let certificate = EndEntityCert::try_from(&encoded).ok()?;
        let serial = hex(certificate.serial());
        let serial = serial.trim_start_matches('0');
        Some(Certificate {
            common_name: common_name(certificate.subject()).map(Arc::from),
            issuer: common_name(certificate.issuer()).map(Arc::from),
            uris: certificate.valid_uri_names().map(Arc::from).collect(),
            serial: if serial.is_empty() { "0" } else { serial }.into(),
            fingerprint: hex(digest(&SHA256, der).as_ref()).into(),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The first common name in the content of a subject or issuer: a sequence of sets of (type, value).
fn common_name(mut subject: &[u8]) -> Option<&str> {
    while !subject.is_empty() {
        let (tag, mut set, rest) = element(subject)?;
        subject = rest;
        while tag == SET && !set.is_empty() {
            let (tag, attribute, rest) = element(set)?;
            set = rest;
            let (OBJECT_IDENTIFIER, kind, value) = element(attribute).filter(|_| tag == SEQUENCE)? else { continue };
            if kind != COMMON_NAME {
                continue;
            }
            if let (UTF8_STRING | PRINTABLE_STRING | IA5_STRING, text, _) = element(value)? {
                return std::str::from_utf8(text).ok().filter(|text| !text.is_empty());
            }
        }
    }
    None
}

/// The first element of some DER: its tag, its content, and what follows. Lengths of up to 65,535 bytes.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, len, header) = match *der {
        [tag, len @ 0..=0x7f, ..] => (tag, usize::from(len), 2),
        [tag, 0x81, len, ..] => (tag, usize::from(len), 3),
        [tag, 0x82, high, low, ..] => (tag, usize::from(u16::from_be_bytes([high, low])), 4),
        _ => return None,
    };
    let content = der.get(header..header + len)?;
    Some((tag, content, &der[header + len..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType, SerialNumber};

    fn certificate(name: Option<&str>, uris: &[&str], serial: &[u8]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "A mill");
        if let Some(name) = name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        let uri = |uri: &&str| SanType::URI((*uri).try_into().unwrap());
        params.subject_alt_names = uris.iter().map(uri).collect();
        params.serial_number = Some(SerialNumber::from_slice(serial));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_tells_its_names_serial_and_fingerprint() {
        let der = certificate(Some("三号风机"), &["urn:danxia:device:m3", "urn:x"], &[0, 0x0a, 0xff]);
        let read = Certificate::from_der(&der).unwrap();
        assert_eq!(read.common_name.as_deref(), Some("三号风机"));
        assert_eq!(read.issuer, read.common_name, "it signed itself");
        assert_eq!(read.uris, ["urn:danxia:device:m3".into(), "urn:x".into()] as [Arc<str>; 2]);
        assert_eq!(&*read.serial, "aff");
        assert_eq!(read.fingerprint.len(), 64);
        assert_eq!(read, Certificate::from_der(&der).unwrap());
        let other = Certificate::from_der(&certificate(None, &[], &[1])).unwrap();
        assert_eq!((other.common_name, other.uris.len(), &*other.serial), (None, 0, "1"));
        assert_ne!(read.fingerprint, other.fingerprint);
        let long = "x".repeat(300);
        assert_eq!(Certificate::from_der(&certificate(Some(&long), &[], &[1])).unwrap().common_name, Some(long.into()));
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..80), at in 0usize..400, byte: u8) {
            drop(Certificate::from_der(&bytes));
            common_name(&bytes);
            let mut broken = certificate(Some("a"), &["urn:a"], &[1]);
            if let Some(place) = broken.get_mut(at) {
                *place = byte;
            }
            drop(Certificate::from_der(&broken));
        }
    }
}
