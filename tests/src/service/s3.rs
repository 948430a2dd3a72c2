//! `s3s-fs`: buckets are directories, objects are files in them.

use std::path::PathBuf;
use std::process::Command;

use super::Server;
use crate::sandbox::Sandbox;
use crate::skip::skip;
use crate::tool;

/// An S3 server with one bucket, called `bucket`.
#[derive(Debug)]
pub struct S3 {
    _server: Server,
    /// Its endpoint: `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// The directory that is the bucket.
    pub bucket: PathBuf,
}

impl S3 {
    /// The key that it takes.
    pub const KEY: &'static str = "AKIDTEST";
    /// And its secret.
    pub const SECRET: &'static str = "a/secret+of/the+test";

    /// Starts one; `None` has been told as a skip.
    pub fn start(sandbox: &Sandbox) -> Option<Self> {
        let Some(program) = tool::installed("s3s-fs") else {
            skip("s3s-fs is not installed (`tests/setup` does it)");
            return None;
        };
        let root = sandbox.path("s3");
        let bucket = root.join("bucket");
        std::fs::create_dir_all(&bucket).expect("a directory in the sandbox");
        let mut command = sandbox.command(program);
        command.args(["--host", "127.0.0.1", "--port", "0"]).env("RUST_LOG", "info");
        command.args(["--access-key", Self::KEY, "--secret-key", Self::SECRET]).arg(&root);
        let (server, endpoint) = Server::start(&mut command, "server is running at ");
        Some(Self { _server: server, endpoint, bucket })
    }

    /// Lets a program know of it.
    pub fn known_to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs(self.environment())
    }

    /// What lets a program know of it.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", Self::KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", Self::SECRET.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }
}
