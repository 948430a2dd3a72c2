//! One host for all that lies there: its session, and a new one if that is lost.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::place::Destination;
use super::session::{Failure, Session};
use crate::error::Result;
use crate::remote::http::{Trouble, persist};
use crate::remote::rate::Rate;
use crate::remote::{Settings, runtime};

/// Where ssh connects to, once something is wanted from there.
#[derive(Debug)]
pub(super) struct Host {
    destination: Destination,
    rate: Option<Arc<Rate>>,
    session: tokio::sync::Mutex<Option<Arc<Session>>>,
}

/// All that are in use: what lies on the same host shares a connection.
static HOSTS: Mutex<Vec<Weak<Host>>> = Mutex::new(Vec::new());

impl Host {
    /// How often something is tried again on a new connection.
    pub(super) const RETRIES: u32 = 2;

    /// The one for a destination.
    pub(super) fn join(destination: Destination, settings: &Settings) -> Arc<Self> {
        let mut hosts = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|host| host.strong_count() > 0);
        if let Some(known) = hosts.iter().filter_map(Weak::upgrade).find(|host| host.destination == destination) {
            return known;
        }
        let host = Arc::new(Self { destination, rate: settings.rate(), session: tokio::sync::Mutex::default() });
        hosts.push(Arc::downgrade(&host));
        host
    }

    /// The session, or a new one.
    async fn session(&self) -> Result<Arc<Session>> {
        let mut slot = self.session.lock().await;
        if let Some(session) = slot.as_ref().filter(|session| !session.is_over()) {
            return Ok(Arc::clone(session));
        }
        // One that is over has nothing to wait for.
        *slot = None;
        let session = Arc::new(Session::start(&self.destination, self.rate.clone()).await?);
        *slot = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Does something, again if the connection is lost meanwhile: so it must be something that can be done twice.
    ///
    /// # Errors
    ///
    /// Those of `work`, and of connecting.
    pub(super) fn run<T>(&self, work: impl AsyncFn(Arc<Session>) -> Result<T, Failure>) -> Result<T> {
        runtime::wait(persist(Self::RETRIES, async || {
            let session = self.session().await?;
            match work(Arc::clone(&session)).await {
                Ok(done) => Ok(done),
                Err(Failure::Lost(error)) => Err(Trouble::passing(session.explain(error))),
                Err(failure) => Err(Trouble::Lasting(failure.into_error())),
            }
        }))
    }

    /// Does something once.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub(super) fn once<T>(&self, work: impl AsyncFnOnce(Arc<Session>) -> Result<T, Failure>) -> Result<T> {
        runtime::wait(async {
            let session = self.session().await?;
            work(Arc::clone(&session)).await.map_err(|failure| match failure {
                Failure::Lost(error) => session.explain(error),
                failure => failure.into_error(),
            })
        })
    }
}
