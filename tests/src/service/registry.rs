//! Debian's `docker-registry`.

use std::process::Command;

use super::{Server, Tokens};
use crate::sandbox::Sandbox;
use crate::skip::skip;
use crate::tool;

/// A registry.
#[derive(Debug)]
pub struct Registry {
    _server: Server,
    /// `127.0.0.1:PORT`
    pub host: String,
}

impl Registry {
    /// A name that it knows, if it asks for one.
    pub const USER: &'static str = "somebody";
    /// And the password.
    pub const PASSWORD: &'static str = "a secret: of the test";
    /// The password as the registry wants to have it (bcrypt, the cheapest).
    const HASH: &'static str = "$2y$05$9ELmuSHt3QbhWCiILC5ZKOTjNBfyzRpYRmIdZjHP3MdisU6uswefq";

    /// Starts one that lets anybody do anything; `None` has been told as a skip.
    pub fn start(sandbox: &Sandbox) -> Option<Self> {
        Self::start_with(sandbox, "")
    }

    /// Starts one that asks for the name and password.
    pub fn start_with_login(sandbox: &Sandbox) -> Option<Self> {
        let file = sandbox.write("registry/htpasswd", format!("{}:{}\n", Self::USER, Self::HASH));
        Self::start_with(sandbox, &format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", file.display()))
    }

    /// Starts one that asks for tokens of this server.
    pub fn start_with_tokens(sandbox: &Sandbox, tokens: &Tokens) -> Option<Self> {
        let roots = sandbox.write("registry/tokens.pem", &tokens.certificate);
        let (realm, issuer) = (tokens.realm(), Tokens::ISSUER);
        Self::start_with(
            sandbox,
            &format!(
                "auth:\n  token:\n    realm: {realm}\n    service: {issuer}\n    issuer: {issuer}\n    rootcertbundle: {}\n",
                roots.display()
            ),
        )
    }

    fn start_with(sandbox: &Sandbox, more: &str) -> Option<Self> {
        let Some(program) = tool::installed("docker-registry") else {
            skip("docker-registry is not installed (`tests/setup` does it)");
            return None;
        };
        let data = sandbox.path("registry/data");
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:0\n{more}",
            data.display()
        );
        let config = sandbox.write("registry/config.yml", config);
        let mut command: Command = sandbox.command(program);
        command.arg("serve").arg(config);
        let (server, host) = Server::start(&mut command, "listening on ");
        Some(Self { _server: server, host })
    }
}
