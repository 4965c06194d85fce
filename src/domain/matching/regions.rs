//! How telephone numbers are written within a region: its country code, the prefix dialled before a national number, and how
//! many digits such a number has. From ITU's national numbering plans; a region that is not here has no national form here.
//!
//! Why no library: measured in November 2026, `phonenumber` takes hundreds of megabytes; `rlibphonenumber` 2.2 takes 5 to 7 MB with its
//! small regular expressions (23 to 61 MB with the large ones), but brings 34 crates, a compiler of protocol buffers among them,
//! and is kept by one person. What a desk needs of it is that a number has a country, and a length that numbers have there.

use super::phones;

/// Region, country code, trunk prefix, fewest and most digits of a national number.
const REGIONS: [(&str, &str, &str, usize, usize); 50] = [
    ("AE", "971", "0", 8, 9),
    ("AR", "54", "0", 10, 11),
    ("AT", "43", "0", 7, 13),
    ("AU", "61", "0", 9, 9),
    ("BE", "32", "0", 8, 9),
    ("BR", "55", "0", 10, 11),
    ("CA", "1", "1", 10, 10),
    ("CH", "41", "0", 9, 9),
    ("CL", "56", "", 9, 9),
    ("CO", "57", "", 10, 10),
    ("CZ", "420", "", 9, 9),
    ("DE", "49", "0", 6, 13),
    ("DK", "45", "", 8, 8),
    ("EE", "372", "", 7, 8),
    ("ES", "34", "", 9, 9),
    ("FI", "358", "0", 6, 12),
    ("FR", "33", "0", 9, 9),
    ("GB", "44", "0", 9, 10),
    ("GR", "30", "", 10, 10),
    ("HR", "385", "0", 8, 9),
    ("HU", "36", "06", 8, 9),
    ("IE", "353", "0", 7, 10),
    ("IL", "972", "0", 8, 9),
    ("IN", "91", "0", 10, 10),
    ("IS", "354", "", 7, 9),
    ("IT", "39", "", 6, 12),
    ("JP", "81", "0", 9, 10),
    ("KE", "254", "0", 9, 9),
    ("KR", "82", "0", 8, 11),
    ("KZ", "7", "8", 10, 10),
    ("LI", "423", "", 7, 9),
    ("LT", "370", "0", 8, 8),
    ("LU", "352", "", 5, 11),
    ("LV", "371", "", 8, 8),
    ("MX", "52", "", 10, 10),
    ("NG", "234", "0", 8, 10),
    ("NL", "31", "0", 9, 9),
    ("NO", "47", "", 8, 8),
    ("NZ", "64", "0", 8, 10),
    ("PL", "48", "", 9, 9),
    ("PT", "351", "", 9, 9),
    ("RO", "40", "0", 9, 9),
    ("RU", "7", "8", 10, 10),
    ("SE", "46", "0", 7, 10),
    ("SG", "65", "", 8, 8),
    ("SI", "386", "0", 8, 8),
    ("SK", "421", "0", 9, 9),
    ("TR", "90", "0", 10, 10),
    ("US", "1", "1", 10, 10),
    ("ZA", "27", "0", 9, 9),
];

/// The country codes that ITU has given out (E.164), less those of the table above.
const OTHER_COUNTRIES: &str = "20 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 235 236 237 238 239 \
    240 241 242 243 244 245 246 247 248 249 250 251 252 253 255 256 257 258 260 261 262 263 264 265 266 267 268 269 290 291 \
    297 298 299 350 355 356 357 359 373 374 375 376 377 378 379 380 381 382 383 387 389 500 501 502 503 504 505 506 507 508 \
    509 51 53 58 590 591 592 593 594 595 596 597 598 599 60 62 63 66 670 672 673 674 675 676 677 678 679 680 681 682 683 685 \
    686 687 688 689 690 691 692 800 808 84 850 852 853 855 856 86 870 878 880 881 882 883 886 888 92 93 94 95 960 961 962 963 \
    964 965 966 967 968 970 973 974 975 976 977 979 98 992 993 994 995 996 998";

/// Whether a number without its `+` begins with the code of a country, and is as long there as numbers are.
pub fn is_possible(digits: &str) -> bool {
    const LEAST: usize = 7;
    const MOST: usize = 15;
    let fits = |(_, country, _, least, most): &(&str, &str, &str, usize, usize)| {
        digits
            .strip_prefix(country)
            .is_some_and(|rest| (*least..=*most).contains(&rest.len()))
    };
    let elsewhere = || {
        OTHER_COUNTRIES
            .split_whitespace()
            .any(|country| digits.starts_with(country))
    };
    (LEAST..=MOST).contains(&digits.len()) && (REGIONS.iter().any(fits) || elsewhere())
}

/// The national number, if this is one behind a prefix that is no zero, as `8 (495) 123-45-67` is in Russia. Zeros are taken
/// off everywhere; North America dials its country code.
pub(super) fn without_trunk(typed: &str) -> Option<&str> {
    let mut rests = REGIONS
        .into_iter()
        .filter_map(|(_, country, trunk, least, most)| {
            let is_told = !trunk.is_empty() && !trunk.starts_with('0') && trunk != country;
            let rest = typed.strip_prefix(trunk).filter(|_| is_told)?;
            (least..=most).contains(&rest.len()).then_some(rest)
        });
    rests.next()
}

/// A number as it is dialled within the region, in its international form (E.164). `None` if it is no such number.
pub fn international(region: &str, text: &str) -> Option<String> {
    let phone = phones::parse(text).filter(|phone| !phone.international)?;
    let (_, country, trunk, least, most) = REGIONS.into_iter().find(|(name, ..)| *name == region)?;
    let national = phone.typed.strip_prefix(trunk).filter(|rest| rest.len() >= least);
    let national = national.unwrap_or(&phone.typed);
    // North American area codes and exchanges never begin with 0 or 1.
    let sound = country != "1" || national.bytes().next().is_some_and(|digit| digit >= b'2');
    ((least..=most).contains(&national.len()) && sound).then(|| format!("+{country}{national}"))
}

#[cfg(test)]
mod tests {
    use super::{OTHER_COUNTRIES, REGIONS, international, is_possible};

    #[test]
    fn an_international_number_has_a_country_and_a_length_of_its_numbers() {
        for number in [
            "15550100123",
            "41446681800",
            "441632960001",
            "380441234567",
            "4930901820",
            "5491123456789",
            "74951234567",
        ] {
            assert!(is_possible(number), "{number}");
        }
        for number in [
            "",
            "1555010",
            "155501001234",
            "999123456789",
            "2101234567",
            "4144668180",
            "3801",
            "7495123456",
        ] {
            assert!(!is_possible(number), "{number}");
        }
    }

    #[test]
    fn no_country_code_begins_with_another() {
        let mut all: Vec<&str> = OTHER_COUNTRIES.split_whitespace().collect();
        all.extend(REGIONS.iter().map(|(_, country, ..)| *country));
        all.sort_unstable();
        all.dedup();
        for pair in all.windows(2) {
            assert!(!pair[1].starts_with(pair[0]), "{pair:?}");
        }
        assert!(all.len() > 190, "{}", all.len());
    }

    #[test]
    fn a_national_number_becomes_an_international_one() {
        let check = |region, text, expected: Option<&str>| {
            assert_eq!(
                international(region, text).as_deref(),
                expected,
                "{region} {text}"
            );
        };
        check("US", "(555) 201-0123", Some("+15552010123"));
        check("US", "1-555-201-0123", Some("+15552010123"));
        check("US", "555-0123", None);
        check("US", "155-201-0123", None);
        check("CH", "044 668 18 00", Some("+41446681800"));
        check("IT", "06 698 12345", Some("+390669812345"));
        check("GB", "020 7946 0018", Some("+442079460018"));
        check("RU", "8 (495) 123-45-67", Some("+74951234567"));
        check("RU", "495 123-45-67", Some("+74951234567"));
        check("RU", "8 (495) 123-45", None);
        check("KZ", "8 727 250 1234", Some("+77272501234"));
        check("NO", "22 00 00 00", Some("+4722000000"));
        check("DE", "+49 30 901820", None);
        check("XX", "12345678", None);
    }
}
