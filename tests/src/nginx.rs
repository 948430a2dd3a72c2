//! nginx, which most people serve stores with.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::sandbox::Sandbox;
use crate::{skip, tool};

/// An nginx that serves `www` of a sandbox: plain HTTP/1.1, and HTTP/1.1 and HTTP/2 over TLS. It is gone when this is dropped.
#[derive(Debug)]
pub struct Nginx {
    process: Child,
    /// Where it speaks plain HTTP.
    pub plain: SocketAddr,
    /// Where it speaks TLS, as `localhost`.
    pub tls: SocketAddr,
}

impl Nginx {
    /// Starts it; `None` if this machine has none. The sandbox gets `ca.pem` to trust, `client.pem` with its key for who
    /// wants to be known, and `access.log`. `more` goes into each server of the configuration.
    pub fn start(sandbox: &Sandbox, more: &str) -> Option<Self> {
        let found = ["/usr/sbin/nginx".into()].into_iter().chain(tool::which("nginx")).find(|path| path.is_file());
        let Some(program) = found else {
            skip::skip("nginx is not installed (`apt install nginx-light`)");
            return None;
        };
        certificates(sandbox);
        let root = sandbox.path("");
        for _ in 0..5 {
            let (plain, tls) = (free_port(), free_port());
            let configuration = configuration(&root, plain, tls, more);
            let file = sandbox.write("nginx.conf", configuration);
            let mut process = Command::new(&program)
                .arg("-c")
                .arg(file)
                .arg("-p")
                .arg(&root)
                .args(["-e", "error.log"])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("nginx starts");
            if listens(&mut process, plain) && listens(&mut process, tls) {
                return Some(Self { process, plain, tls });
            }
            let _ = process.kill();
            let _ = process.wait();
        }
        panic!("nginx does not start: {}", String::from_utf8_lossy(&sandbox.read("error.log")));
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(root: &Path, plain: SocketAddr, tls: SocketAddr, more: &str) -> String {
    let root = root.display();
    format!(
        "daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log {root}/access.log; root {root}/www; default_type application/octet-stream;
  client_max_body_size 64m; client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
  sendfile on; tcp_nodelay on; keepalive_requests 100000;
  server {{ listen {plain}; {more} }}
  server {{
    listen {tls} ssl http2; server_name localhost;
    ssl_certificate {root}/server.pem; ssl_certificate_key {root}/server.key;
    ssl_client_certificate {root}/ca.pem; ssl_verify_client optional;
    {more}
    location /known {{ if ($ssl_client_verify != SUCCESS) {{ return 403; }} }}
  }}
}}
"
    )
}

/// Makes an authority, and certificates by it for server and client: `ca.pem`, and `server` and `client` as `.pem` and `.key`.
pub fn certificates(sandbox: &Sandbox) {
    use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
    let key = || KeyPair::generate().expect("a key");
    let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Certificates that have the name of their issuer would look as if they had signed themselves.
    parameters.distinguished_name.push(DnType::CommonName, "authority");
    let ca_key = key();
    let ca = parameters.self_signed(&ca_key).expect("a certificate");
    sandbox.write("ca.pem", ca.pem());
    let issuer = Issuer::new(parameters, ca_key);
    for (name, purpose) in
        [("server", ExtendedKeyUsagePurpose::ServerAuth), ("client", ExtendedKeyUsagePurpose::ClientAuth)]
    {
        let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        parameters.extended_key_usages.push(purpose);
        let key = key();
        let certificate = parameters.signed_by(&key, &issuer).expect("a certificate");
        sandbox.write(format!("{name}.pem"), certificate.pem());
        sandbox.write(format!("{name}.key"), key.serialize_pem());
    }
}

/// A port that nobody had a moment ago.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound")
}

/// Waits until somebody listens there.
fn listens(process: &mut Child, address: SocketAddr) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(20) {
        if TcpStream::connect(address).is_ok() {
            return true;
        }
        if process.try_wait().expect("a child can be asked").is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
