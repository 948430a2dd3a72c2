//! `http://` and `https://`: chunks, indexes and archives on web servers (spec: remote.md 11).
//!
//! | module | what it does |
//! |---|---|
//! | `address` | URLs: what is asked for, what people are shown, the name and password in them |
//! | `peer` | one host: TLS, headers, logins; a request with its redirects |
//! | `proxy` | who stands between |
//! | `trouble` | what may go better when it is tried again, and trying again |
//! | `gate` | how many requests are under way |
//! | `store`, `file`, `upload` | the faces |

mod address;
mod file;
mod gate;
mod login;
mod peer;
mod proxy;
mod store;
mod trouble;
mod upload;

// What other ways that are HTTP below are made of.
pub(super) use address::{Address, Credentials};
pub use file::HttpFile;
pub(super) use gate::Gate;
pub(super) use login::{basic, credentials, secret};
pub(super) use peer::{Body, Instead, Keeper, Peer, Request, client};
pub use store::HttpStore;
pub(super) use trouble::{Trouble, go_on, persist};
