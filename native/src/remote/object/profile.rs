//! The files in which the AWS tools keep what they know: `~/.aws/credentials` and `~/.aws/config`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::error::{Error, Result};

/// What the files say of one profile.
#[derive(Default)]
pub(super) struct Profile(BTreeMap<String, String>);

impl Profile {
    /// The profile of `AWS_PROFILE`, else `default`, from the files of `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE`,
    /// else of the home directory.
    ///
    /// # Errors
    ///
    /// If a profile is asked for that is in no file.
    pub(super) fn load() -> Result<Self> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = variable("HOME").map(|home| PathBuf::from(home).join(".aws"));
        let file = |name: &str, usual: &str| {
            let path = variable(name).map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(usual)));
            path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
        };
        let asked = variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE"));
        let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let config = file("AWS_CONFIG_FILE", "config");
        let name = asked.clone().unwrap_or_else(|| OsString::from("default"));
        let name = name.to_string_lossy();
        let mut values = section(&config, &format!("profile {name}"));
        values = values.or_else(|| section(&config, &name));
        if let Some(more) = section(&credentials, &name) {
            values.get_or_insert_default().extend(more);
        }
        match (values, asked) {
            (Some(values), _) => Ok(Self(values)),
            (None, None) => Ok(Self::default()),
            (None, Some(_)) => Err(Error::new(Errno::NOENT, format!("there is no AWS profile {name:?}"))
                .hint("profiles are in ~/.aws/credentials and ~/.aws/config; AWS_PROFILE names the one to use")),
        }
    }

    /// The value of a key.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

/// The keys of a section of an INI file. Indented lines belong to the key before, which is none that is used here.
fn section(text: &str, name: &str) -> Option<BTreeMap<String, String>> {
    let mut found: Option<BTreeMap<String, String>> = None;
    let mut inside = false;
    for line in text.lines() {
        if let Some(header) = line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = header.split_whitespace().eq(name.split_whitespace());
            if inside {
                found.get_or_insert_default();
            }
        } else if inside
            && !line.starts_with([' ', '\t', '#', ';'])
            && let Some((key, value)) = line.split_once('=')
        {
            found.get_or_insert_default().insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections() {
        let text = "[default]\nregion = r\n# no = comment\n[profile  x]\ns3 =\n  addressing_style = path\nkey=a=b\n[default]\nk=v\n";
        let default = section(text, "default").unwrap();
        assert_eq!(default.get("region").unwrap(), "r");
        assert_eq!(default.get("k").unwrap(), "v");
        assert_eq!(default.len(), 2);
        let x = section(text, "profile x").unwrap();
        assert_eq!(x.get("key").unwrap(), "a=b");
        assert!(!x.contains_key("addressing_style"));
        assert!(section(text, "y").is_none());
    }
}
