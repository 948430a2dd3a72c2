//! `azurite`: Microsoft's stand-in for Azure's blobs.

use super::Server;
use crate::sandbox::Sandbox;
use crate::skip::skip;
use crate::tool;

/// A blob service.
#[derive(Debug)]
pub struct Azurite {
    _server: Server,
    /// Its endpoint: `http://127.0.0.1:PORT`.
    pub endpoint: String,
}

impl Azurite {
    /// Starts one; `None` has been told as a skip.
    pub fn start(sandbox: &Sandbox) -> Option<Self> {
        let Some(program) = tool::installed("azurite-blob") else {
            skip("azurite is not installed (`npm install azurite`; `tests/setup` does not do it)");
            return None;
        };
        let mut command = sandbox.command(program);
        command.args(["--blobHost", "127.0.0.1", "--blobPort", "0", "--skipApiVersionCheck", "--location"]);
        command.arg(sandbox.path("azurite"));
        let (server, endpoint) = Server::start(&mut command, "successfully listens on ");
        Some(Self { _server: server, endpoint })
    }
}
