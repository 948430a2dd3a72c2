//! S3 as another server speaks it: `garage`, where it is installed.

use casync_tests::service::Garage;

use super::{everything, sandbox};

#[test]
fn all_verbs() {
    let sandbox = sandbox();
    let Some(server) = Garage::start(&sandbox) else { return };
    everything(&sandbox, &server.environment_at(&server.endpoint), "s3://bucket/some/store");
}
