//! Amounts of 64 bits as JavaScript numbers, checked in both directions.

use super::Failure;
use crate::code::Code;

/// The largest number below which all whole numbers are exact (`Number.MAX_SAFE_INTEGER`).
const SAFE_MAX: u64 = (1 << 53) - 1;

pub(super) fn to_js(amount: u64) -> Result<f64, Failure> {
    if amount > SAFE_MAX {
        return Err(Failure::new(Code::Number, &format!("{amount} is more than a number can hold exactly")));
    }
    Ok(amount as f64)
}

pub(super) fn from_js(number: f64) -> Result<u64, Failure> {
    // Written so that NaN is refused.
    if !(0.0..=SAFE_MAX as f64).contains(&number) || number.fract() != 0.0 {
        return Err(Failure::new(Code::Number, "this is no amount: a whole number from 0 to 2^53 - 1"));
    }
    Ok(number as u64)
}

/// An amount of memory here. What is too large for an address is larger than any limit anyway.
pub(super) fn from_js_saturating(number: f64) -> Result<usize, Failure> {
    from_js(number).map(|amount| usize::try_from(amount).unwrap_or(usize::MAX))
}
