//! Speed limits by the clock: which ones count at a moment, and when that may change. Pure: the
//! moment is an argument.

use std::str::FromStr;
use std::time::Duration;

use jiff::Zoned;

const MINUTES_OF_DAY: u16 = 24 * 60;
const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Bytes a second; none: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    pub upload: Option<u64>,
    pub download: Option<u64>,
}

/// Other limits for some hours of some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    pub hours: Hours,
    pub days: Days,
    pub limits: Limits,
}

/// From one minute of the day up to another, which is on the next day if it is the earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    from: u16,
    to: u16,
}

/// The days on which the hours begin, Monday first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days([bool; 7]);

/// A minute of a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    /// 0 is Monday.
    day: usize,
    minute: u16,
}

impl Schedule {
    /// Time until the hours begin or end; at least a second.
    pub(crate) fn until_change(&self, now: &Zoned) -> Duration {
        let minutes = u64::from(self.next_change(Moment::of(now)));
        let into_minute = u64::try_from(now.second()).unwrap_or_default();
        Duration::from_secs((minutes * 60).saturating_sub(into_minute).max(1))
    }

    fn counts_at(&self, now: Moment) -> bool {
        let Hours { from, to } = self.hours;
        let (minute, today) = (now.minute, self.days.0[now.day]);
        let yesterday = self.days.0[(now.day + 6) % 7];
        if from < to {
            return today && (from..to).contains(&minute);
        }
        // To the same minute is a whole day.
        (today && minute >= from) || (yesterday && minute < to)
    }

    /// Minutes until the hours begin or end.
    fn next_change(&self, now: Moment) -> u16 {
        let until = |minute: u16| match (minute + MINUTES_OF_DAY - now.minute) % MINUTES_OF_DAY {
            0 => MINUTES_OF_DAY,
            minutes => minutes,
        };
        until(self.hours.from).min(until(self.hours.to))
    }
}

impl Moment {
    fn of(now: &Zoned) -> Self {
        let day = now.weekday().to_monday_zero_offset();
        let minute = i16::from(now.hour()) * 60 + i16::from(now.minute());
        Self {
            day: usize::try_from(day).unwrap_or_default(),
            minute: u16::try_from(minute).unwrap_or_default(),
        }
    }
}

/// The limits that count at this moment.
pub(crate) fn limits_at(usual: Limits, schedule: Option<Schedule>, now: &Zoned) -> Limits {
    limits_within(usual, schedule, Moment::of(now))
}

fn limits_within(usual: Limits, schedule: Option<Schedule>, now: Moment) -> Limits {
    match schedule {
        Some(schedule) if schedule.counts_at(now) => schedule.limits,
        _ => usual,
    }
}

/// What can't be read says nothing more: the setting explains what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl FromStr for Hours {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let (from, to) = text.split_once('-').ok_or(Unreadable)?;
        Ok(Self {
            from: minute(from)?,
            to: minute(to)?,
        })
    }
}

fn minute(text: &str) -> Result<u16, Unreadable> {
    let (hour, minute) = text.split_once(':').ok_or(Unreadable)?;
    let number = |text: &str, below: u16| {
        let is_plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: Option<u16> = text.parse().ok();
        number
            .filter(|number| is_plain && *number < below)
            .ok_or(Unreadable)
    };
    Ok(number(hour, 24)? * 60 + number(minute, 60)?)
}

impl FromStr for Days {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let mut days = [false; 7];
        for name in text.split(',') {
            let day = WEEK.iter().position(|day| *day == name);
            days[day.ok_or(Unreadable)?] = true;
        }
        Ok(Self(days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(hours: &str, days: &str) -> Schedule {
        Schedule {
            hours: hours.parse().unwrap(),
            days: days.parse().unwrap(),
            limits: Limits {
                upload: Some(7),
                download: None,
            },
        }
    }

    fn at(day: usize, hour: u16, minute: u16) -> Moment {
        let minute = hour * 60 + minute;
        Moment { day, minute }
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_on_which_they_begin() {
        let night = schedule("22:00-07:00", "fri,sat");
        for (moment, counts) in [
            (at(4, 21, 59), false),
            (at(4, 22, 0), true),
            (at(5, 6, 59), true),
            (at(5, 7, 0), false),
            (at(6, 3, 0), true),
            (at(6, 22, 0), false),
            (at(0, 3, 0), false),
        ] {
            assert_eq!(night.counts_at(moment), counts, "{moment:?}");
        }
        let office = schedule("09:00-17:30", "mon");
        assert!(office.counts_at(at(0, 9, 0)) && !office.counts_at(at(0, 17, 30)));
        assert!(!office.counts_at(at(1, 10, 0)));
        let all_day = schedule("08:00-08:00", "mon");
        assert!(all_day.counts_at(at(0, 8, 0)) && all_day.counts_at(at(1, 7, 59)));
        assert!(!all_day.counts_at(at(1, 8, 0)));
    }

    #[test]
    fn it_is_looked_at_again_when_the_hours_begin_or_end() {
        let night = schedule("22:00-07:00", "fri");
        assert_eq!(night.next_change(at(0, 6, 0)), 60);
        assert_eq!(night.next_change(at(0, 7, 0)), 15 * 60);
        assert_eq!(night.next_change(at(0, 23, 30)), 7 * 60 + 30);
    }

    #[test]
    fn other_limits_count_within_the_hours() {
        let usual = Limits::default();
        let night = Some(schedule("22:00-07:00", "mon"));
        assert_eq!(limits_within(usual, night, at(0, 12, 0)), usual);
        assert_eq!(limits_within(usual, night, at(0, 23, 0)).upload, Some(7));
        assert_eq!(limits_within(usual, None, at(0, 23, 0)), usual);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "22:00",
            "24:00-07:00",
            "7:00-8:00",
            "22:60-07:00",
            "+1:00-02:00",
        ] {
            assert_eq!(text.parse::<Hours>(), Err(Unreadable), "{text}");
        }
        for text in ["", "monday", "mon,,tue", "Mon"] {
            assert_eq!(text.parse::<Days>(), Err(Unreadable), "{text}");
        }
    }
}
