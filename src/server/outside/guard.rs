//! Which addresses may be posted to. Asked of the very address that is connected to, so a name that means another one by then
//! gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// What is allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// This machine, and what is reached without a router.
    pub local: bool,
    /// Networks of the house.
    pub private: bool,
    /// Without TLS.
    pub http: bool,
}

/// Where clouds keep the secrets of a machine, beside link-local addresses.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
];

impl Rules {
    /// Why an address may not be posted to.
    pub fn fault(&self, address: SocketAddr) -> Option<&'static str> {
        let ip = meant(address.ip());
        let never = "it is no address of a single machine";
        let local = "it is this machine or its own network, which events.webhook_local_allowed allows";
        match () {
            () if is_nobody(ip) => Some(never),
            () if self.local => None,
            () if is_near(ip) || METADATA.contains(&ip) || is_own(ip) => Some(local),
            () if !self.private && is_private(ip) => {
                Some("it is of a private network, which events.webhook_private_allowed allows")
            }
            () => None,
        }
    }
}

/// The IPv4 address that an IPv6 one stands for: mapped, compatible, translated (NAT64) or tunnelled (6to4).
fn meant(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => v4(g, h),
        (0, 0, 0, 0, 0, 0) if !v6.is_loopback() && !v6.is_unspecified() => v4(g, h),
        (0x2002, ..) => v4(b, c),
        _ => ip,
    }
}

fn is_nobody(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, ..] = ip.octets();
            first == 0 || first >= 240 || ip.is_multicast()
        }
        IpAddr::V6(ip) => ip.is_unspecified() || ip.is_multicast(),
    }
}

fn is_near(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
        // Site-local addresses are out of use; what answers there is as near as it gets.
        IpAddr::V6(ip) => {
            ip.is_loopback() || ip.is_unicast_link_local() || ip.segments()[0] & 0xffc0 == 0xfec0
        }
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

/// Whether the system would send from this very address to it: then it is one of its own. Nothing is sent to learn that.
fn is_own(ip: IpAddr) -> bool {
    let any: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let from = || -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((ip, 9))?;
        Ok(socket.local_addr()?.ip())
    };
    // Where there is no way to it, connecting fails too.
    from().is_ok_and(|from| from == ip)
}

#[cfg(test)]
mod tests {
    use super::{Rules, is_own};

    #[test]
    fn what_is_near_or_nobody_is_refused_in_every_spelling() {
        let shipped = Rules {
            local: false,
            private: true,
            http: false,
        };
        let public = Rules {
            private: false,
            ..shipped
        };
        let lenient = Rules {
            local: true,
            ..shipped
        };
        // Address, as shipped, without private networks, with this machine.
        let table = [
            ("203.0.113.7", true, true, true),
            ("2001:4860::8", true, true, true),
            ("10.1.2.3", true, false, true),
            ("172.31.0.1", true, false, true),
            ("172.32.0.1", true, true, true),
            ("192.168.7.7", true, false, true),
            ("100.64.0.1", true, false, true),
            ("fd12::1", true, false, true),
            ("127.0.0.1", false, false, true),
            ("127.255.0.9", false, false, true),
            ("::1", false, false, true),
            ("::ffff:127.0.0.1", false, false, true),
            ("::127.0.0.1", false, false, true),
            ("64:ff9b::7f00:1", false, false, true),
            ("2002:7f00:1::", false, false, true),
            ("169.254.169.254", false, false, true),
            ("::ffff:169.254.169.254", false, false, true),
            ("fe80::1", false, false, true),
            ("fec0::1", false, false, true),
            ("fd00:ec2::254", false, false, true),
            ("100.100.100.200", false, false, true),
            ("0.0.0.0", false, false, false),
            ("0.1.2.3", false, false, false),
            ("::", false, false, false),
            ("::ffff:0.0.0.0", false, false, false),
            ("224.0.0.1", false, false, false),
            ("ff02::1", false, false, false),
            ("255.255.255.255", false, false, false),
            ("240.0.0.1", false, false, false),
        ];
        for (ip, as_shipped, without_private, with_local) in table {
            let address = (ip.parse::<std::net::IpAddr>().unwrap(), 443).into();
            let allowed = [shipped, public, lenient].map(|rules| rules.fault(address).is_none());
            assert_eq!(allowed, [as_shipped, without_private, with_local], "{ip}");
        }
    }

    #[test]
    fn the_machine_knows_its_own_addresses() {
        assert!(is_own("127.0.0.1".parse().unwrap()));
        assert!(!is_own("203.0.113.7".parse().unwrap()));
    }
}
