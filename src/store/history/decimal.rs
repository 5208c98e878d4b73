//! Decimals as two whole numbers, wherever that keeps their digits as they were sent.

/// `42.50` is 4250 and 2. `None` for anything that would come back otherwise: exponents, signed
/// noughts, more digits than fit.
pub(super) fn split(digits: &str) -> Option<(i64, i64)> {
    let (whole, fraction) = digits.split_once('.')?;
    let scale = i64::try_from(fraction.len()).ok()?;
    let mut joined = String::with_capacity(digits.len());
    joined.push_str(whole);
    joined.push_str(fraction);
    let mantissa = joined.parse().ok()?;
    (join(mantissa, scale)? == digits).then_some((mantissa, scale))
}

/// Digits after the point, at most.
pub(super) const SCALE_MAX: i64 = 20;

/// The digits of a mantissa and its scale.
pub(super) fn join(mantissa: i64, scale: i64) -> Option<String> {
    if scale > SCALE_MAX {
        return None;
    }
    let scale = usize::try_from(scale).ok()?;
    let sign = if mantissa < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", mantissa.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at_checked(digits.len().checked_sub(scale)?)?;
    Some(format!("{sign}{whole}.{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_come_back_with_their_digits_or_not_at_all() {
        for digits in ["42.50", "0.5", "-0.05", "-3.250", "100.00", "0.001"] {
            let (mantissa, scale) = split(digits).unwrap();
            assert_eq!(join(mantissa, scale).unwrap(), digits);
        }
        for digits in ["-0", "-0.0", "1e5", "1.5E3", "99999999999999999999.5", "7"] {
            assert_eq!(split(digits), None, "{digits}");
        }
        assert_eq!(join(5, -1), None);
        assert_eq!(join(5, 1 << 40), None);
    }
}
