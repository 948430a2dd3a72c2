//! `azurite`: Microsoft's stand-in for Azure's blobs.

use std::process::Command;

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
        command.args([
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            "0",
            "--skipApiVersionCheck",
            "--disableTelemetry",
            "--location",
        ]);
        command.arg(sandbox.path("azurite"));
        let (server, endpoint) = Server::start(&mut command, "successfully listens on ");
        Some(Self { _server: server, endpoint })
    }

    /// Makes a container, by a signed request: node can sign, and is there.
    pub fn make_container(&self, name: &str) {
        let node = tool::which("node").expect("azurite runs on node");
        let made = Command::new(node).args(["-e", MAKE_CONTAINER, &self.endpoint, name]).output().expect("node runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// What lets a program know of it.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [("AZURE_STORAGE_USE_EMULATOR", "true".to_owned()), ("AZURITE_BLOB_STORAGE_URL", self.endpoint.clone())]
    }
}

/// The account and key that azurite has unless it is told otherwise are public.
const MAKE_CONTAINER: &str = r#"
const [endpoint, name] = process.argv.slice(1);
const account = 'devstoreaccount1';
const key = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
const headers = { 'x-ms-date': new Date().toUTCString(), 'x-ms-version': '2021-08-06' };
const signed = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`).join('');
const text = 'PUT' + '\n'.repeat(12) + signed + `/${account}/${account}/${name}\nrestype:container`;
const hmac = require('crypto').createHmac('sha256', Buffer.from(key, 'base64')).update(text, 'utf8').digest('base64');
headers.Authorization = `SharedKey ${account}:${hmac}`;
fetch(`${endpoint}/${account}/${name}?restype=container`, { method: 'PUT', headers }).then(async (answer) => {
  if (answer.status !== 201) { console.error(answer.status, await answer.text()); process.exit(1); }
});
"#;
