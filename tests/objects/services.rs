//! Azure, by Microsoft's stand-in for it. There is none for Google's here that could be installed.

use casync_tests::service::Azurite;

use super::{everything, sandbox};

#[test]
fn azure_with_all_verbs() {
    let sandbox = sandbox();
    let Some(server) = Azurite::start(&sandbox) else { return };
    server.make_container("container");
    everything(&sandbox, &server.environment(), "az://container/store");
}
