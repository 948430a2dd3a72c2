//! Addresses of the web, as far as they are needed here.

use core::fmt;

use casync_core::chunk::ChunkId;
use wasip2::http::types::Scheme;

use super::problem::Problem;

/// `http://` or `https://`, a host, a path, perhaps a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    is_secure: bool,
    pub(super) authority: String,
    /// Starts with `/`.
    path: String,
    /// With its `?`, or empty.
    query: String,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let refused = || Problem::new("usage", format!("\"{text}\" is no address of http or https"));
        let (scheme, rest) = text.split_once("://").ok_or_else(refused)?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(refused()),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = rest.find('?').map_or((rest, ""), |at| rest.split_at(at));
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        if authority.is_empty() {
            return Err(refused());
        }
        Ok(Self { is_secure, authority: authority.into(), path: path.into(), query: query.into() })
    }

    /// The store that is used if none is named: `default.castr` beside the index.
    pub(super) fn default_store(&self) -> Self {
        let directory = self.path.rfind('/').map_or("/", |at| &self.path[..=at]);
        Self { path: format!("{directory}default.castr/"), query: String::new(), ..self.clone() }
    }

    /// Where a chunk lies in the store at this address; the query (a signature) stays.
    pub(super) fn chunk(&self, id: &ChunkId) -> Self {
        let (directory, id) = (self.path.trim_end_matches('/'), id.to_string());
        Self { path: format!("{directory}/{}/{id}.cacnk", &id[..4]), ..self.clone() }
    }

    pub(super) const fn scheme(&self) -> Scheme {
        if self.is_secure { Scheme::Https } else { Scheme::Http }
    }

    pub(super) fn path_with_query(&self) -> String {
        format!("{}{}", self.path, self.query)
    }

    /// Whether the name of what lies there ends with this.
    pub(super) fn ends_with(&self, end: &str) -> bool {
        self.path.ends_with(end)
    }
}

impl fmt::Display for Address {
    /// Without the query, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}
