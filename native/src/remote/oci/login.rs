//! How registries want to know who asks: what they say with 401, and what to answer.

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use rustix::io::Errno;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::remote::http::{Address, Credentials, Peer, Request, Trouble, basic, secret};
use crate::remote::settings::Settings;

/// What a registry asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password.
    Basic,
    /// A token, to be had elsewhere.
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

impl Challenge {
    /// The first challenge that is understood.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        headers.get_all(WWW_AUTHENTICATE).iter().find_map(|value| Self::parse(value.to_str().ok()?))
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (kind, mut rest) = text.split_once(' ').unwrap_or((text, ""));
        if kind.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !kind.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        while let Some((key, value)) = rest.trim_start_matches([' ', ',']).split_once('=') {
            let (value, after) = match value.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => value.split_at(value.find(',').unwrap_or(value.len())),
            };
            match key.trim().to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value.to_owned()),
                "service" => service = Some(value.to_owned()),
                "scope" => scope = Some(value.to_owned()),
                _ => {}
            }
            rest = after;
        }
        Some(Self::Bearer { realm: realm?, service, scope })
    }

    /// What rights the registry wants to see, if it says so.
    pub(super) fn scope(&self) -> Option<&str> {
        match self {
            Self::Basic => None,
            Self::Bearer { scope, .. } => scope.as_deref(),
        }
    }

    /// What to put into `Authorization:` for a registry at `home`; a token is asked for with all of `scopes`.
    pub(super) async fn answer(
        &self,
        home: &Url,
        scopes: &[String],
        credentials: Option<&Credentials>,
        settings: &Settings,
    ) -> Result<Option<HeaderValue>, Trouble> {
        match self {
            Self::Basic => Ok(credentials.map(basic).transpose()?),
            Self::Bearer { realm, service, .. } => {
                let service = service.iter().map(|service| ("service", service.as_str()));
                let parameters = service.chain(scopes.iter().map(|scope| ("scope", scope.as_str())));
                let token = token(realm, home, parameters, credentials, settings).await?;
                Ok(Some(secret(format!("Bearer {token}"))?))
            }
        }
    }
}

/// Gets a token.
async fn token(
    realm: &str,
    home: &Url,
    parameters: impl Iterator<Item = (&str, &str)>,
    credentials: Option<&Credentials>,
    settings: &Settings,
) -> Result<String, Trouble> {
    #[derive(Deserialize)]
    struct Answer {
        token: Option<String>,
        access_token: Option<String>,
    }
    /// More than any token has.
    const ANSWER_MAX: u64 = 1 << 20;
    let address = Address::parse(realm)?;
    if home.scheme() == "https" && address.url.scheme() != "https" && credentials.is_some() {
        let text = format!("{}: the registry wants the password to be sent there in the clear", address.name);
        return Err(Trouble::Lasting(Error::new(Errno::PROTO, text)));
    }
    let mut url: Url = address.url.clone();
    for (key, value) in parameters {
        url.query_pairs_mut().append_pair(key, value);
    }
    let peer = Peer::new(&address, settings)?.authorized(credentials.map(basic).transpose()?);
    let response = peer.ask(&url, &Request::GET, &address.name).await?;
    if !response.status().is_success() {
        return Err(Trouble::status(&response, &address.name));
    }
    let body = peer.body(response, ANSWER_MAX, &address.name).await?;
    let answer: Option<Answer> = serde_json::from_slice(&body).ok();
    answer
        .and_then(|answer| answer.token.or(answer.access_token))
        .ok_or_else(|| Trouble::Lasting(Error::new(Errno::PROTO, format!("{}: the answer has no token", address.name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges() {
        let text = r#"Bearer realm="https://h/token?x=y", service=s,scope="repository:a/b:pull,push",error="x""#;
        let expected = Challenge::Bearer {
            realm: "https://h/token?x=y".to_owned(),
            service: Some("s".to_owned()),
            scope: Some("repository:a/b:pull,push".to_owned()),
        };
        assert_eq!(Challenge::parse(text), Some(expected));
        assert_eq!(Challenge::parse(r#"basic realm="x""#), Some(Challenge::Basic));
        for text in ["", "Negotiate", "Bearer", r#"Bearer service="x""#, r#"Bearer realm="x"#] {
            assert_eq!(Challenge::parse(text), None, "{text}");
        }
    }
}
