//! How telephone numbers are written within a region: its country code, the prefix dialled before a national number, and how
//! many digits such a number has. From ITU's national numbering plans; a region that is not here has no national form here.

use super::phones;

/// Region, country code, trunk prefix, fewest and most digits of a national number.
const REGIONS: [(&str, &str, &str, usize, usize); 48] = [
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
    ("SE", "46", "0", 7, 10),
    ("SG", "65", "", 8, 8),
    ("SI", "386", "0", 8, 8),
    ("SK", "421", "0", 9, 9),
    ("TR", "90", "0", 10, 10),
    ("US", "1", "1", 10, 10),
    ("ZA", "27", "0", 9, 9),
];

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
    use super::international;

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
        check("NO", "22 00 00 00", Some("+4722000000"));
        check("DE", "+49 30 901820", None);
        check("XX", "12345678", None);
    }
}
