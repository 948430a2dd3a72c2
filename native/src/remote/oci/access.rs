//! What a registry is shown: nothing or what is known at first, then what it asks for, and new tokens when old ones expire.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::sync::Mutex;

use super::docker;
use super::login::Challenge;
use crate::remote::http::{Address, Credentials, Instead, Keeper, Trouble};
use crate::remote::settings::Settings;

/// What one repository is shown by all requests of a run.
#[derive(Debug)]
pub(super) struct Access {
    address: Address,
    host: String,
    settings: Settings,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    shown: Option<HeaderValue>,
    scopes: Scopes,
}

/// What tokens have been asked for so far. A new one is for all of it: requests that take different rights are under way at the
/// same time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Scopes(BTreeMap<String, BTreeSet<String>>);

impl Access {
    /// For a registry at an address, with what is to be shown first.
    pub(super) fn new(address: Address, host: String, settings: Settings, shown: Option<HeaderValue>) -> Self {
        Self { address, host, settings, state: Mutex::new(State { shown, scopes: Scopes::default() }) }
    }

    fn credentials(&self) -> Option<Credentials> {
        self.address.credentials.clone().or_else(|| docker::credentials(&self.host))
    }

    async fn get_instead(&self, answer: &HeaderMap, of: Option<&HeaderValue>) -> Result<Option<Instead>, Trouble> {
        let Some(challenge) = Challenge::of(answer) else { return Ok(None) };
        // Held until there is a new token: all others who need one wait for it.
        let mut state = self.state.lock().await;
        let mut scopes = state.scopes.clone();
        let more = scopes.add(challenge.scope().unwrap_or_default());
        if !more && state.shown.as_ref() != of {
            return Ok(state.shown.clone().map(Instead::Known));
        }
        let home = &self.address.url;
        let answer = challenge.answer(home, &scopes.texts(), self.credentials().as_ref(), &self.settings).await?;
        let Some(answer) = answer else { return Ok(None) };
        *state = State { shown: Some(answer.clone()), scopes };
        Ok(Some(Instead::New(answer)))
    }
}

impl Keeper for Access {
    fn shown(&self) -> BoxFuture<'_, Option<HeaderValue>> {
        async { self.state.lock().await.shown.clone() }.boxed()
    }

    fn instead<'a>(
        &'a self,
        answer: &'a HeaderMap,
        of: Option<&'a HeaderValue>,
    ) -> BoxFuture<'a, Result<Option<Instead>, Trouble>> {
        self.get_instead(answer, of).boxed()
    }
}

impl Scopes {
    /// Adds what a challenge names: `TYPE:NAME:ACTION,ACTION`, several separated by spaces. Returns whether any of it is new.
    fn add(&mut self, text: &str) -> bool {
        let mut more = false;
        for scope in text.split_whitespace() {
            let (resource, actions) = scope.rsplit_once(':').unwrap_or((scope, ""));
            let known = self.0.entry(resource.to_owned()).or_insert_with(|| {
                more = true;
                BTreeSet::new()
            });
            for action in actions.split(',') {
                more |= known.insert(action.to_owned());
            }
        }
        more
    }

    /// One text for each resource.
    fn texts(&self) -> Vec<String> {
        let text = |(resource, actions): (&String, &BTreeSet<String>)| {
            let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
            format!("{resource}:{}", actions.join(","))
        };
        self.0.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_grow() {
        let mut scopes = Scopes::default();
        assert!(!scopes.add(""));
        assert!(scopes.add("repository:a/b:pull"));
        assert!(!scopes.add("repository:a/b:pull"));
        assert!(scopes.add("repository:a/b:push,pull registry:catalog:*"));
        assert!(!scopes.add("repository:a/b:push"));
        assert_eq!(scopes.texts(), ["registry:catalog:*", "repository:a/b:pull,push"]);
    }
}
