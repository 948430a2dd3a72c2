//! A server that gives out the tokens that registries want (JSON web tokens, signed by a key of its own).

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

/// The server. It goes with the process.
#[derive(Debug)]
pub struct Tokens {
    address: SocketAddr,
    /// The certificate (PEM) by which its tokens are known.
    pub certificate: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What it gives to whom.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// What those may do who do not say who they are; `""`: they get nothing.
    pub anybody: &'static str,
    /// Seconds for which a registry takes a token.
    pub seconds: u64,
}

impl Tokens {
    /// The name that it knows, who may do everything.
    pub const USER: &'static str = "keyholder";
    /// And the password.
    pub const PASSWORD: &'static str = "open: sesame";
    /// Both, as `~/.docker/config.json` has them.
    pub const LOGIN: &'static str = "a2V5aG9sZGVyOm9wZW46IHNlc2FtZQ==";
    /// What it calls itself, and the registry.
    pub(super) const ISSUER: &'static str = "tests";

    /// Starts one.
    pub fn start(policy: Policy) -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let certificate =
            CertificateParams::new(Vec::new()).expect("no names").self_signed(&key).expect("a certificate");
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der(), &random);
        let signer = Signer { key: key.expect("a key"), chain: STANDARD.encode(certificate.der()), random };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Who goes away early does not matter to the others.
                let _ = answer(stream, policy, &signer, &log);
            }
        });
        Self { address, certificate: certificate.pem(), asked }
    }

    /// The same, but registries are told to believe the holder of another certificate.
    pub fn not_believed(self, certificate: String) -> Self {
        Self { certificate, ..self }
    }

    /// Where tokens are to be had.
    pub fn realm(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// The scopes that tokens were asked for, in order; those that nobody got are there, too.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nothing panics here").clone()
    }
}

struct Signer {
    key: EcdsaKeyPair,
    chain: String,
    random: SystemRandom,
}

fn answer(stream: TcpStream, policy: Policy, signer: &Signer, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(&stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut login = None;
    for line in lines {
        let line = line?;
        match line.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => login = Some(value.to_owned()),
            _ if line.is_empty() => break,
            _ => {}
        }
    }
    let query = first.split(' ').nth(1).and_then(|path| path.split_once('?')).map_or("", |(_, query)| query);
    let decoded = query.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
    let scopes: Vec<&str> = decoded.split('&').filter_map(|pair| pair.strip_prefix("scope=")).collect();
    log.lock().expect("nothing panics here").push(scopes.join(" "));
    let allowed = match login {
        None => policy.anybody,
        Some(login) if login == format!("Basic {}", Tokens::LOGIN) => "pull,push,delete",
        Some(_) => "",
    };
    let mut stream = &stream;
    if allowed.is_empty() {
        return stream.write_all(b"HTTP/1.1 401 Nobody\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let body = format!("{{\"token\":\"{}\"}}", signer.token(&scopes, allowed, policy.seconds));
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes())
}

impl Signer {
    /// A token for what of these scopes is allowed.
    fn token(&self, scopes: &[&str], allowed: &str, seconds: u64) -> String {
        /// The registry takes tokens that expired so long ago: clocks differ.
        const LEEWAY: u64 = 60;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_secs();
        let access: Vec<String> = scopes
            .iter()
            .filter_map(|scope| {
                let (resource, actions) = scope.rsplit_once(':')?;
                let (kind, name) = resource.split_once(':')?;
                let granted = actions.split(',').filter(|action| allowed.split(',').any(|allowed| allowed == *action));
                let granted: Vec<String> = granted.map(|action| format!("\"{action}\"")).collect();
                Some(format!("{{\"type\":\"{kind}\",\"name\":\"{name}\",\"actions\":[{}]}}", granted.join(",")))
            })
            .collect();
        let header = format!("{{\"typ\":\"JWT\",\"alg\":\"ES256\",\"x5c\":[\"{}\"]}}", self.chain);
        let claims = format!(
            "{{\"iss\":\"{issuer}\",\"sub\":\"\",\"aud\":\"{issuer}\",\"exp\":{},\"nbf\":{},\"iat\":{now},\"jti\":\"{now}\",\"access\":[{}]}}",
            now + seconds - LEEWAY,
            now - 2 * LEEWAY,
            access.join(","),
            issuer = Tokens::ISSUER,
        );
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key.sign(&self.random, signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}
