//! How the text of a setting becomes a value, and back. File and environment use the same text: a list is written
//! with commas, no value is the empty text.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::Fault;
use crate::config::raw::RawConfig;
use crate::server::certs::name::Name;

/// A type that a setting can have.
pub trait Value: Sized {
    /// What can be typed, as in "… is not {form}".
    const FORM: &'static str;

    /// `None`: not of that form.
    fn parse(text: &str) -> Option<Self>;

    /// The text that `parse` takes.
    fn show(&self) -> String;

    /// The number that a range is for.
    fn number(&self) -> Option<u64> {
        None
    }
}

/// Reads one setting. What can't be read is a fault, and the default in its place.
pub(super) fn read<T: Value>(
    raw: &RawConfig,
    section: &str,
    key: &str,
    default: &str,
    range: Option<(u64, u64)>,
    faults: &mut Vec<Fault>,
) -> T {
    let default = || T::parse(default).expect("a test parses every default");
    let Some(text) = raw.text(section, key) else {
        return default();
    };
    let in_range = |value: &T| match (value.number(), range) {
        (Some(number), Some((min, max))) => (min..=max).contains(&number),
        _ => true,
    };
    T::parse(text.trim()).filter(in_range).unwrap_or_else(|| {
        let form = form(T::FORM, range);
        let what = format!("{section}.{key} is {text:?}, which is not {form}");
        faults.push(Fault {
            origin: raw.origin(section, key),
            what,
        });
        default()
    })
}

/// A form with its range.
pub(super) fn form(form: &str, range: Option<(u64, u64)>) -> String {
    range.map_or_else(
        || form.to_owned(),
        |(min, max)| format!("{form} from {min} to {max}"),
    )
}

macro_rules! numbers {
    ($($type:ty),+) => { $( impl Value for $type {
        const FORM: &'static str = "a whole number";

        fn parse(text: &str) -> Option<Self> {
            text.replace('_', "").parse().ok()
        }

        fn show(&self) -> String {
            self.to_string()
        }

        fn number(&self) -> Option<u64> {
            u64::try_from(*self).ok()
        }
    } )+ };
}

numbers!(u32, u64, usize);

impl Value for bool {
    const FORM: &'static str = "true or false";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for SocketAddr {
    const FORM: &'static str = "an address with a port";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for PathBuf {
    const FORM: &'static str = "a path";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl<T: Value> Value for Option<T> {
    const FORM: &'static str = T::FORM;

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            Some(None)
        } else {
            T::parse(text).map(Some)
        }
    }

    fn show(&self) -> String {
        self.as_ref().map(T::show).unwrap_or_default()
    }

    fn number(&self) -> Option<u64> {
        self.as_ref().and_then(T::number)
    }
}

impl Value for Vec<Name> {
    const FORM: &'static str = "a list of host names and addresses";

    fn parse(text: &str) -> Option<Self> {
        text.split(',')
            .filter(|part| !part.trim().is_empty())
            .map(Name::parse)
            .collect()
    }

    fn show(&self) -> String {
        self.iter().map(Name::to_string).collect::<Vec<_>>().join(",")
    }
}

macro_rules! words {
    ($(#[$about:meta])* $Type:ident, $form:literal { $( $(#[$doc:meta])+ $Variant:ident = $word:literal, )+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $Type {
            $( $(#[$doc])+ $Variant, )+
        }

        impl Value for $Type {
            const FORM: &'static str = $form;

            fn parse(text: &str) -> Option<Self> {
                match text {
                    $( $word => Some(Self::$Variant), )+
                    _ => None,
                }
            }

            fn show(&self) -> String {
                match self {
                    $( Self::$Variant => $word.to_owned(), )+
                }
            }
        }
    };
}

words! {
    /// The form of log lines.
    LogFormat, "one of json, text, journald" {
        /// One JSON object a line.
        Json = "json",
        /// For people, in colours on a terminal.
        Text = "text",
        /// To the journal, with fields.
        Journald = "journald",
    }
}

words! {
    /// The least that is worth a log line.
    LogLevel, "one of error, warn, info, debug, trace" {
        /// Someone must look.
        Error = "error",
        /// We carried on.
        Warn = "warn",
        /// Events of the box.
        Info = "info",
        /// What a developer wants to see.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

/// A language as browsers name it: `en`, `de-CH`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Language(String);

impl Language {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Language {
    const FORM: &'static str = "a language such as en or de-CH";

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let first = parts.next()?;
        let is_language = matches!(first.len(), 2 | 3) && first.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_part =
            |part: &str| matches!(part.len(), 2..=8) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_language && parts.all(is_part)).then(|| Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// A region by its two letters (ISO 3166-1): `US`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Region(String);

impl Region {
    /// The two letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Region {
    const FORM: &'static str = "a region of two capital letters such as US";

    fn parse(text: &str) -> Option<Self> {
        let is_region = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        is_region.then(|| Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{Language, Region, Value};
    use crate::config::Config;
    use crate::config::raw::RawConfig;
    use crate::config::settings::SECTIONS;

    #[test]
    fn every_default_parses_within_its_range_and_shows_as_it_is_typed() {
        let mut raw = RawConfig::default();
        let names: Vec<_> = SECTIONS
            .iter()
            .flat_map(|section| section.settings.iter().map(|setting| (section.name, setting)))
            .collect();
        for (section, setting) in &names {
            raw.set(section, setting.key, setting.default);
        }
        let mut faults = Vec::new();
        let config = Config::read(&raw, &mut faults);
        assert_eq!(faults, []);
        for (shown, (_, setting)) in config.shown(&raw).iter().zip(names) {
            assert_eq!(shown.value, setting.default, "{}", shown.name);
        }
    }

    #[test]
    fn languages_and_regions_are_names_only() {
        assert!(Language::parse("de-CH").is_some() && Language::parse("en").is_some());
        for text in ["English", "e", "en_US", "en-", "../en"] {
            assert!(Language::parse(text).is_none(), "{text}");
        }
        assert!(
            Region::parse("US").is_some() && Region::parse("us").is_none() && Region::parse("USA").is_none()
        );
    }
}
