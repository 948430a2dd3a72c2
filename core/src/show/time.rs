//! Points in time as people read them.

use core::fmt;

use crate::archive::Timestamp;

/// A point in time in some zone, shown as `2021-02-03 04:05:06.789012345`.
///
/// The core knows no zones; the shell says how far the zone is ahead of UTC at that time.
///
/// ```
/// use casync_core::archive::Timestamp;
/// use casync_core::show::CivilTime;
///
/// let time = CivilTime::new(Timestamp::from_unix(1_612_325_106, 789_012_345), 0);
/// assert_eq!(time.to_string(), "2021-02-03 04:05:06.789012345");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CivilTime {
    /// Seconds since 1970 in the zone.
    seconds: i128,
    nanoseconds: u32,
}

impl CivilTime {
    /// A timestamp in the zone that is `offset` seconds ahead of UTC.
    pub fn new(time: Timestamp, offset: i32) -> Self {
        let (seconds, nanoseconds) = time.to_unix();
        Self { seconds: i128::from(seconds) + i128::from(offset), nanoseconds }
    }
}

impl fmt::Display for CivilTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = Date::of(self.seconds);
        let (hour, minute, second) = clock(self.seconds);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:09}", self.nanoseconds)
    }
}

/// A point in time as headers of HTTP have it: `Wed, 03 Feb 2021 04:05:06 GMT`.
///
/// ```
/// use casync_core::archive::Timestamp;
/// use casync_core::show::HttpTime;
///
/// let time = HttpTime::new(Timestamp::from_unix(1_612_325_106, 789_012_345));
/// assert_eq!(time.to_string(), "Wed, 03 Feb 2021 04:05:06 GMT");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpTime(i128);

impl HttpTime {
    /// The second that the timestamp falls into.
    pub fn new(time: Timestamp) -> Self {
        Self(time.to_unix().0.into())
    }
}

impl fmt::Display for HttpTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let Date { year, month, day } = Date::of(self.0);
        let (hour, minute, second) = clock(self.0);
        // Both are in the bounds of their tables.
        let week_day = DAYS[self.0.div_euclid(DAY).rem_euclid(7) as usize];
        let month = MONTHS[month as usize - 1];
        write!(f, "{week_day}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }
}

/// Seconds in a day.
const DAY: i128 = 86_400;

/// A day of the Gregorian calendar.
struct Date {
    year: i128,
    /// From 1.
    month: i128,
    day: i128,
}

impl Date {
    /// The day of so many seconds since 1970.
    const fn of(seconds: i128) -> Self {
        // Days since 0000-03-01, so that leap days come last in their year; 146097 days are 400 years.
        let shifted = seconds.div_euclid(DAY) + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + 400 * era + if month <= 2 { 1 } else { 0 };
        Self { year, month, day }
    }
}

/// Hour, minute and second.
const fn clock(seconds: i128) -> (i128, i128, i128) {
    let second = seconds.rem_euclid(DAY);
    (second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn dates() {
        for (seconds, offset, expected) in [
            (0, 0, "1970-01-01 00:00:00.000000000"),
            (0, -3600, "1969-12-31 23:00:00.000000000"),
            (951_782_400, 0, "2000-02-29 00:00:00.000000000"),
            (4_107_542_399, 0, "2100-02-28 23:59:59.000000000"),
            (4_107_542_400, 0, "2100-03-01 00:00:00.000000000"),
            (1, 9 * 3600, "1970-01-01 09:00:01.000000000"),
        ] {
            assert_eq!(CivilTime::new(Timestamp::from_unix(seconds, 0), offset).to_string(), expected);
        }
    }
}
