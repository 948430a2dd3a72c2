//! nginx in front of a directory.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use casync_tests::tool::which;

pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Server {
    /// Serves a directory as it is; nothing if this machine has no nginx.
    pub(crate) fn start(root: &Path) -> Option<Self> {
        let Some(nginx) =
            which("nginx").or_else(|| Some("/usr/sbin/nginx".into()).filter(|path: &std::path::PathBuf| path.exists()))
        else {
            casync_tests::skip::skip("nginx is not installed (`apt install nginx-light`)");
            return None;
        };
        let port = free_port();
        let state = root.join(".nginx");
        std::fs::create_dir_all(&state).expect("a directory for nginx");
        let (root, temporary) = (root.display(), state.display());
        let configuration = format!(
            "daemon off; master_process off; error_log stderr crit; pid {temporary}/pid; events {{}}
             http {{ access_log off; default_type application/octet-stream; sendfile on; keepalive_requests 100000;
               client_body_temp_path {temporary}/b; proxy_temp_path {temporary}/p; fastcgi_temp_path {temporary}/f;
               uwsgi_temp_path {temporary}/u; scgi_temp_path {temporary}/s;
               server {{ listen 127.0.0.1:{port}; root {root}; }} }}"
        );
        let file = state.join("nginx.conf");
        std::fs::write(&file, configuration).expect("nginx.conf");
        let mut command = Command::new(nginx);
        command.arg("-c").arg(&file).arg("-p").arg(&state).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().expect("nginx starts");
        wait_for(port);
        Some(Self { child, address: format!("http://127.0.0.1:{port}/") })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listened on a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Waits until somebody listens.
#[track_caller]
pub(crate) fn wait_for(port: u16) {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(30), "nobody listens on port {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
