//! Which addresses may be connected to.
//!
//! Whoever may set an address could otherwise have the platform speak to what only it can reach: the services of its own
//! computer, the metadata service of a cloud, machines of the plant (server-side request forgery, CWE-918).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Addresses with a prefix in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

/// Not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address, or a network such as 10.1.0.0/16 or fd00::/8")]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits.parse::<u8>().map_err(|_| NetworkError)?)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| NetworkError)?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most { Err(NetworkError) } else { Ok(Self { base: plain(base), bits }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

impl Network {
    /// Whether `address` lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, plain(address)) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                u32::from(a) & mask == u32::from(b) & mask
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                u128::from(a) & mask == u128::from(b) & mask
            }
            _ => false,
        }
    }
}

/// Why an address is not connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The computer itself.
    Loopback,
    /// The link (169.254.0.0/16, fe80::/10), where clouds keep their metadata.
    LinkLocal,
    /// A group.
    Multicast,
    /// No address (0.0.0.0/8, ::), broadcast, or one that is reserved.
    Unspecified,
    /// A private network (RFC 1918, RFC 4193, RFC 6598).
    Private,
}

impl Refused {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Loopback => "address_loopback",
            Self::LinkLocal => "address_link_local",
            Self::Multicast => "address_multicast",
            Self::Unspecified => "address_unspecified",
            Self::Private => "address_private",
        }
    }
}

/// What may be connected to beside public addresses.
///
/// A name that is allowed may lie at a private address. A network that is allowed opens private addresses and those of the
/// computer itself, where it names them. Link-local, multicast and unspecified addresses are never connected to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    anywhere: bool,
    names: Vec<String>,
    networks: Vec<Network>,
}

impl Policy {
    /// Every address: for servers that whoever owns the computer has named.
    #[must_use]
    pub fn anywhere() -> Self {
        Self { anywhere: true, ..Self::default() }
    }

    /// Public addresses, and what these names (of hosts) and networks allow.
    #[must_use]
    pub fn public_and(names: Vec<String>, networks: Vec<Network>) -> Self {
        Self { anywhere: false, names: names.into_iter().map(|n| n.to_ascii_lowercase()).collect(), networks }
    }

    /// Whether `address`, found under the name `host`, may be connected to.
    pub fn judge(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        if self.anywhere {
            return Ok(());
        }
        let Some(why) = kind(plain(address)) else { return Ok(()) };
        let by_network = || self.networks.iter().any(|n| n.contains(address));
        let by_name = || self.names.iter().any(|n| n.eq_ignore_ascii_case(host));
        match why {
            Refused::Private if by_network() || by_name() => Ok(()),
            Refused::Loopback if by_network() => Ok(()),
            why => Err(why),
        }
    }
}

/// An IPv4 address that is written as one of IPv6 is the IPv4 address; so is what a translator (RFC 6052) makes of it.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    if let Some(four) = six.to_ipv4_mapped() {
        return four.into();
    }
    match six.octets() {
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => Ipv4Addr::new(a, b, c, d).into(),
        _ => six.into(),
    }
}

/// What is not public about it.
fn kind(address: IpAddr) -> Option<Refused> {
    match address {
        IpAddr::V4(a) => kind4(a),
        IpAddr::V6(a) => kind6(a),
    }
}

fn kind4(a: Ipv4Addr) -> Option<Refused> {
    let [first, second, ..] = a.octets();
    match first {
        0 | 240..=255 => Some(Refused::Unspecified),
        127 => Some(Refused::Loopback),
        169 if second == 254 => Some(Refused::LinkLocal),
        224..=239 => Some(Refused::Multicast),
        100 if second & 0xc0 == 64 => Some(Refused::Private),
        _ if a.is_private() => Some(Refused::Private),
        _ => None,
    }
}

fn kind6(a: Ipv6Addr) -> Option<Refused> {
    let first = a.segments()[0];
    match first {
        _ if a.is_loopback() => Some(Refused::Loopback),
        // `::` and what embeds an IPv4 address in the way that RFC 4291 has given up.
        _ if a.segments()[..6] == [0; 6] => Some(Refused::Unspecified),
        _ if first & 0xffc0 == 0xfe80 => Some(Refused::LinkLocal),
        _ if first & 0xff00 == 0xff00 => Some(Refused::Multicast),
        // Unique local (RFC 4193), and site-local, which was.
        _ if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 => Some(Refused::Private),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(policy: &Policy, host: &str, address: &str) -> Result<(), &'static str> {
        policy.judge(host, address.parse().unwrap()).map_err(Refused::code)
    }

    #[test]
    fn only_public_addresses_are_connected_to_unless_others_are_allowed() {
        let strict = Policy::default();
        for (address, expect) in [
            ("93.184.216.34", Ok(())),
            ("2606:2800:220:1:248:1893:25c8:1946", Ok(())),
            ("127.0.0.1", Err("address_loopback")),
            ("127.9.9.9", Err("address_loopback")),
            ("::1", Err("address_loopback")),
            ("::ffff:127.0.0.1", Err("address_loopback")),
            ("64:ff9b::7f00:1", Err("address_loopback")),
            ("169.254.169.254", Err("address_link_local")),
            ("::ffff:169.254.169.254", Err("address_link_local")),
            ("fe80::1", Err("address_link_local")),
            ("224.0.0.1", Err("address_multicast")),
            ("ff02::1", Err("address_multicast")),
            ("0.0.0.0", Err("address_unspecified")),
            ("0.1.2.3", Err("address_unspecified")),
            ("255.255.255.255", Err("address_unspecified")),
            ("::", Err("address_unspecified")),
            ("::7f00:1", Err("address_unspecified")),
            ("10.1.2.3", Err("address_private")),
            ("172.31.255.255", Err("address_private")),
            ("172.32.0.1", Ok(())),
            ("192.168.0.1", Err("address_private")),
            ("100.64.0.1", Err("address_private")),
            ("100.128.0.1", Ok(())),
            ("fd00::1", Err("address_private")),
            ("fec0::1", Err("address_private")),
        ] {
            assert_eq!(said(&strict, "h", address), expect, "{address}");
            assert_eq!(said(&Policy::anywhere(), "h", address), Ok(()), "{address}");
        }
    }

    #[test]
    fn a_name_opens_private_addresses_and_a_network_also_this_computer() {
        let network = |n: &str| n.parse::<Network>().unwrap();
        let policy = Policy::public_and(
            vec!["SMTP.plant".into()],
            vec![network("10.1.0.0/16"), network("127.0.0.0/8"), network("169.254.0.0/16"), network("fd00::/8")],
        );
        for (host, address, expect) in [
            ("smtp.Plant", "192.168.0.1", Ok(())),
            ("smtp.plant", "::1", Err("address_loopback")),
            ("smtp.plant", "169.254.169.254", Err("address_link_local")),
            ("other", "192.168.0.1", Err("address_private")),
            ("other", "10.1.255.1", Ok(())),
            ("other", "10.2.0.1", Err("address_private")),
            ("other", "127.0.0.1", Ok(())),
            ("other", "::ffff:127.0.0.1", Ok(())),
            ("other", "fd12::1", Ok(())),
        ] {
            assert_eq!(said(&policy, host, address), expect, "{host} {address}");
        }
    }

    #[test]
    fn networks_are_read() {
        for good in ["10.0.0.0/8", "0.0.0.0/0", "1.2.3.4", "::/0", "fd00::1/128"] {
            assert!(good.parse::<Network>().is_ok(), "{good}");
        }
        for bad in ["", "10.0.0.0/33", "fd00::/129", "10/8", "a/8", "10.0.0.0/-1", "10.0.0.0/"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("8.8.8.8".parse().unwrap()));
    }
}
