//! `garage`: a distributed object store, here of one node.

use std::net::{Ipv4Addr, TcpListener};

use super::Server;
use crate::sandbox::Sandbox;
use crate::skip::skip;
use crate::tool;

/// An S3 server with one bucket, called `bucket`.
#[derive(Debug)]
pub struct Garage {
    _server: Server,
    /// Its endpoint: `http://127.0.0.1:PORT`.
    pub endpoint: String,
}

impl Garage {
    const KEY: &'static str = "GK00000000000000000000cafe";
    const SECRET: &'static str = "00000000000000000000000000000000000000000000000000000000000000aa";
    const REGION: &'static str = "garage";

    /// Starts one; `None` has been told as a skip.
    pub fn start(sandbox: &Sandbox) -> Option<Self> {
        let Some(program) = tool::installed("garage") else {
            skip(
                "garage is not installed (`cargo install garage --locked --root target/tools`; `tests/setup` does not do it)",
            );
            return None;
        };
        // It does not tell which port it has if it may choose.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let configuration = format!(
            "metadata_dir = \"{meta}\"\ndata_dir = \"{data}\"\ndb_engine = \"sqlite\"\nreplication_factor = 1\n\
             rpc_bind_addr = \"127.0.0.1:0\"\nrpc_public_addr = \"127.0.0.1:1\"\nrpc_secret = \"{secret}\"\n\
             [s3_api]\ns3_region = \"{region}\"\napi_bind_addr = \"{address}\"\n",
            meta = sandbox.path("garage/meta").display(),
            data = sandbox.path("garage/data").display(),
            secret = Self::SECRET,
            region = Self::REGION,
        );
        let configuration = sandbox.write("garage/garage.toml", configuration);
        let mut command = sandbox.command(program);
        command.arg("-c").arg(configuration).args(["server", "--single-node", "--default-bucket"]);
        command.env("RUST_LOG", "garage=info,garage_api_common=info").env("GARAGE_DEFAULT_BUCKET", "bucket");
        command.env("GARAGE_DEFAULT_ACCESS_KEY", Self::KEY).env("GARAGE_DEFAULT_SECRET_KEY", Self::SECRET);
        let (server, endpoint) = Server::start(&mut command, "S3 API server listening on ");
        Some(Self { _server: server, endpoint })
    }

    /// What lets a program know of it, at its endpoint or on the way there.
    pub fn environment_at(&self, endpoint: &str) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ("AWS_ACCESS_KEY_ID", Self::KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", Self::SECRET.to_owned()),
            ("AWS_REGION", Self::REGION.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }
}
