//! Quantities of storage as bytes.
//!
//! The grammar is that of `k8s.io/apimachinery/pkg/api/resource.Quantity`: a decimal number, then a binary suffix, a decimal
//! suffix or an exponent. Fractions of a byte round up, as Kubernetes rounds a capacity.

/// Reads a quantity; `None` if it is no quantity, negative, or larger than can be counted.
pub fn parse(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.' && c != '+')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let number = number.strip_prefix('+').unwrap_or(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 20 || number.contains('+') {
        return None;
    }
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let divisor = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let (multiplier, extra_divisor) = scale(suffix)?;
    let bytes = digits
        .checked_mul(multiplier)?
        .div_ceil(divisor.checked_mul(extra_divisor)?);
    u64::try_from(bytes).ok()
}

fn scale(suffix: &str) -> Option<(u128, u128)> {
    let binary = |n: u32| 1024u128.checked_pow(n).map(|m| (m, 1));
    let decimal = |n: u32| 1000u128.checked_pow(n).map(|m| (m, 1));
    match suffix {
        "" => Some((1, 1)),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        "k" => decimal(1),
        "M" => decimal(2),
        "G" => decimal(3),
        "T" => decimal(4),
        "P" => decimal(5),
        "E" => decimal(6),
        "m" => Some((1, 1000)),
        "u" => Some((1, 1_000_000)),
        "n" => Some((1, 1_000_000_000)),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let power = 10u128.checked_pow(exponent.unsigned_abs())?;
            Some(if exponent < 0 { (1, power) } else { (power, 1) })
        }
    }
}

/// Writes bytes in the largest binary unit that divides them.
pub fn format(bytes: u64) -> String {
    let units = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let mut value = bytes;
    let mut unit = "";
    for next in units.into_iter().skip(1) {
        if value == 0 || !value.is_multiple_of(1024) {
            break;
        }
        value /= 1024;
        unit = next;
    }
    format!("{value}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_suffix() {
        let cases = [
            ("0", 0),
            ("1", 1),
            ("1Ki", 1024),
            ("100Gi", 107_374_182_400),
            ("1.5Gi", 1_610_612_736),
            ("1G", 1_000_000_000),
            ("1e3", 1000),
            ("1E3", 1000),
            ("2E", 2_000_000_000_000_000_000),
            ("1500m", 2),
            ("1n", 1),
            (".5Ki", 512),
            ("+1Ki", 1024),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_size() {
        for text in [
            "", "-1", "1x", "2xi", "-2gi", "Gi", ".", "1..2", "99Ei", "1e99", "1 Gi", "١", "1+1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["0", "1", "1023", "1Ki", "100Gi", "1536Mi"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }
}
