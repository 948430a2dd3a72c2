//! Names and passwords as `docker login` and its like leave them: `~/.docker/config.json`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::remote::http::Credentials;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    auths: BTreeMap<String, Auth>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    /// `NAME:PASSWORD` in base64.
    auth: Option<String>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth")
    }
}

/// What the file has for a host. It belongs to other programs, too: whatever is wrong with it is no reason to fail.
pub(super) fn credentials(host: &str) -> Option<Credentials> {
    let directory = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let directory = directory.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")))?;
    let text = std::fs::read(directory.join("config.json")).ok()?;
    find(&serde_json::from_slice(&text).ok()?, host)
}

fn find(config: &Config, host: &str) -> Option<Credentials> {
    let helper = config.cred_helpers.get(host).or(config.creds_store.as_ref());
    if let Some(found) = helper.and_then(|helper| ask(helper, host)) {
        return Some(found);
    }
    // Old files have URLs for hosts.
    let is_host = |key: &str| {
        let key = key.split_once("://").map_or(key, |(_, rest)| rest);
        key.split('/').next() == Some(host)
    };
    let (_, auth) = config.auths.iter().find(|(key, auth)| is_host(key) && auth.auth.is_some())?;
    let decoded = String::from_utf8(STANDARD.decode(auth.auth.as_ref()?).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(Credentials { user: user.to_owned(), password: password.to_owned() })
}

/// Asks a program that keeps passwords.
fn ask(helper: &str, host: &str) -> Option<Credentials> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    if !helper.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return None;
    }
    let mut command = Command::new(format!("docker-credential-{helper}"));
    let mut child =
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    child.stdin.take()?.write_all(host.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    let answer: Answer = serde_json::from_slice(&output.stdout).ok().filter(|_| output.status.success())?;
    // A name like this means that the secret is a token of another kind, which is not known here.
    (answer.username != "<token>").then_some(Credentials { user: answer.username, password: answer.secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files() {
        let text =
            r#"{"auths":{"https://h:5000/v1/":{"auth":"bWU6YTpi"},"other":{}},"credHelpers":{"x":"none/of it"}}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        let found = find(&config, "h:5000").unwrap();
        assert_eq!((found.user.as_str(), found.password.as_str()), ("me", "a:b"));
        assert!(find(&config, "other").is_none() && find(&config, "h").is_none() && find(&config, "x").is_none());
    }
}
