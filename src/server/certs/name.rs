//! The names that a certificate is for: host names and addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustls::pki_types::DnsName;

/// A host name or an address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Name {
    /// A host name in lower case.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl Name {
    /// `None`: neither an address nor a host name.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('.').to_ascii_lowercase();
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            return Some(Self::Ip(address));
        }
        DnsName::try_from(text.as_str()).ok()?;
        Some(Self::Dns(text))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => write!(f, "{address}"),
        }
    }
}

/// What a node is called: `localhost`, the loopback addresses, the machine's name, and the configured hosts.
pub fn names_of_node(hosts: &[Name]) -> Vec<Name> {
    let mut names = vec![
        Name::Dns("localhost".to_owned()),
        Name::Ip(Ipv4Addr::LOCALHOST.into()),
        Name::Ip(Ipv6Addr::LOCALHOST.into()),
    ];
    names.extend(machine_name());
    names.extend(hosts.iter().cloned());
    names.sort();
    names.dedup();
    names
}

/// The second file is for a service that sees only processes under `/proc`.
fn machine_name() -> Option<Name> {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let text = files.iter().find_map(|file| std::fs::read_to_string(file).ok())?;
    Name::parse(&text)
}

#[cfg(test)]
mod tests {
    use super::{Name, names_of_node};

    #[test]
    fn names_are_hosts_or_addresses() {
        assert_eq!(
            Name::parse("Desk.Example.org."),
            Some(Name::Dns("desk.example.org".to_owned()))
        );
        assert_eq!(Name::parse("[::1]"), Some(Name::Ip("::1".parse().unwrap())));
        for text in [
            "",
            "two words",
            "a..b",
            "https://desk",
            "desk:8443",
            "*.example.org",
        ] {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_node_is_always_reached_on_its_own_machine() {
        let names = names_of_node(&[Name::Dns("localhost".to_owned())]);
        assert!(names.contains(&Name::Dns("localhost".to_owned())));
        assert!(names.contains(&Name::Ip("127.0.0.1".parse().unwrap())));
        assert_eq!(
            names
                .iter()
                .filter(|name| name.to_string() == "localhost")
                .count(),
            1
        );
    }
}
