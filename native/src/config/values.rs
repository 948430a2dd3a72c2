//! Values of the configuration file: sizes and times as options take them.

use std::time::Duration;

use casync_core::quantity::parse_size;
use serde::{Deserialize, Deserializer, Serializer};

use crate::cli::span;

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(u64),
    Text(String),
}

/// A size: a number of bytes, or a text like `"10G"`.
pub(super) mod size {
    use super::{Deserialize as _, Deserializer, Number, parse_size};

    pub(in super::super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<u64>, D::Error> {
        let size = match Number::deserialize(from)? {
            Number::Whole(size) => Some(size),
            Number::Text(text) => parse_size(&text).ok(),
        };
        let size = size.filter(|size| *size > 0);
        size.map(Some).ok_or_else(|| serde::de::Error::custom("expected a size, as in \"10G\""))
    }
}

/// A time: a number of seconds, or a text like `"90s"`.
pub(super) mod time {
    use super::{Deserialize as _, Deserializer, Duration, Number, Serializer, span};

    pub(in super::super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<Duration>, D::Error> {
        match Number::deserialize(from)? {
            Number::Whole(seconds) => Ok(Some(Duration::from_secs(seconds))),
            Number::Text(text) => span(&text).map(Some).map_err(serde::de::Error::custom),
        }
    }

    #[expect(clippy::ref_option, reason = "the form that serde calls")]
    pub(in super::super) fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => to.serialize_str(&format!("{}s", time.as_secs())),
            None => to.serialize_none(),
        }
    }
}
