//! Proxies between clients and servers: HTTP, with whole URLs and with CONNECT, and SOCKS 4 and 5.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::network;

/// What a proxy was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `CONNECT`, the method of a request with a whole URL, `SOCKS4` or `SOCKS5`.
    pub way: String,
    /// Host and port, or that URL.
    pub target: String,
}

/// A proxy. It is gone when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

/// Who may use a proxy.
#[derive(Clone, Copy, Debug)]
struct Login {
    user: &'static str,
    password: &'static str,
    /// Both as a header has them.
    header: &'static str,
}

/// A name and a password.
const LOGIN: Login = Login { user: "carol", password: "gate keeper", header: "Basic Y2Fyb2w6Z2F0ZSBrZWVwZXI=" };

impl Proxy {
    /// The name that one with a login wants to hear.
    pub const USER: &'static str = LOGIN.user;
    /// And the password.
    pub const PASSWORD: &'static str = LOGIN.password;

    /// One that lets anybody through.
    pub fn open() -> Self {
        Self::start(None)
    }

    /// One that asks for the name and password.
    pub fn with_login() -> Self {
        Self::start(Some(LOGIN))
    }

    fn start(login: Option<Login>) -> Self {
        let listener = network::run(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let log = Arc::clone(&asked);
        let task = network::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let log = Arc::clone(&log);
                tokio::spawn(async move { serve(client, login, &log).await });
            }
        });
        Self { address, asked, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that it was asked for by who may ask, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("nothing panics here").clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one connection. Clients of all kinds come to the same port, and differ in their first byte.
async fn serve(client: TcpStream, login: Option<Login>, log: &Mutex<Vec<Asked>>) -> Option<()> {
    let _ = client.set_nodelay(true);
    let mut first = [0];
    client.peek(&mut first).await.ok()?;
    match first[0] {
        4 => socks4(client, log).await,
        5 => socks5(client, login, log).await,
        _ => http(client, login, log).await,
    }
}

fn note(log: &Mutex<Vec<Asked>>, way: &str, target: &str) {
    log.lock().expect("nothing panics here").push(Asked { way: way.to_owned(), target: target.to_owned() });
}

async fn through(mut client: TcpStream, mut server: TcpStream) -> Option<()> {
    let _ = server.set_nodelay(true);
    copy_bidirectional(&mut client, &mut server).await.ok().map(drop)
}

async fn http(mut client: TcpStream, login: Option<Login>, log: &Mutex<Vec<Asked>>) -> Option<()> {
    let mut input = Vec::new();
    let end = loop {
        if let Some(at) = input.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        (client.read_buf(&mut input).await.ok()? > 0).then_some(())?;
    };
    let head = String::from_utf8(input[..end].to_vec()).ok()?;
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let headers = lines.clone().filter_map(|line| line.split_once(':'));
    let mut shown = headers.filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"));
    if login.is_some_and(|login| shown.next().is_none_or(|(_, value)| value.trim() != login.header)) {
        let refusal = "HTTP/1.1 407 Who Asks\r\nProxy-Authenticate: Basic realm=\"gate\"\r\nContent-Length: 0\r\n\r\n";
        return client.write_all(refusal.as_bytes()).await.ok();
    }
    note(log, method, target);
    if method == "CONNECT" {
        let Ok(server) = TcpStream::connect(target).await else {
            return client.write_all(b"HTTP/1.1 502 Nobody There\r\nContent-Length: 0\r\n\r\n").await.ok();
        };
        client.write_all(b"HTTP/1.1 200 Go On\r\n\r\n").await.ok()?;
        return through(client, server).await;
    }
    // One request for each connection: the server closes it.
    let (host, path) = target.strip_prefix("http://")?.split_once('/')?;
    let Ok(mut server) = TcpStream::connect(host).await else {
        return client.write_all(b"HTTP/1.1 502 Nobody There\r\nContent-Length: 0\r\n\r\n").await.ok();
    };
    let kept = lines.filter(|line| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !name.starts_with("proxy-") && name != "connection"
    });
    let kept: String = kept.map(|line| format!("{line}\r\n")).collect();
    let head = format!("{method} /{path} HTTP/1.1\r\n{kept}Connection: close\r\n\r\n");
    server.write_all(head.as_bytes()).await.ok()?;
    server.write_all(&input[end + 4..]).await.ok()?;
    through(client, server).await
}

async fn socks5(mut client: TcpStream, login: Option<Login>, log: &Mutex<Vec<Asked>>) -> Option<()> {
    let [_, methods] = bytes(&mut client).await?;
    let offered = text(&mut client, methods).await?;
    let wanted = if login.is_some() { 2 } else { 0 };
    if !offered.contains(&wanted) {
        return client.write_all(&[5, 0xff]).await.ok();
    }
    client.write_all(&[5, wanted]).await.ok()?;
    if let Some(login) = login {
        let [_, length] = bytes(&mut client).await?;
        let user = text(&mut client, length).await?;
        let [length] = bytes(&mut client).await?;
        let password = text(&mut client, length).await?;
        let right = user == login.user.as_bytes() && password == login.password.as_bytes();
        client.write_all(&[1, u8::from(!right)]).await.ok()?;
        right.then_some(())?;
    }
    let [_, _, _, kind] = bytes(&mut client).await?;
    let host = match kind {
        1 => std::net::Ipv4Addr::from(bytes::<4>(&mut client).await?).to_string(),
        3 => {
            let [length] = bytes(&mut client).await?;
            String::from_utf8(text(&mut client, length).await?).ok()?
        }
        _ => return None,
    };
    let target = format!("{host}:{}", u16::from_be_bytes(bytes(&mut client).await?));
    note(log, "SOCKS5", &target);
    let server = TcpStream::connect(&target).await;
    let status = if server.is_ok() { 0 } else { 5 };
    client.write_all(&[5, status, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    through(client, server.ok()?).await
}

async fn socks4(mut client: TcpStream, log: &Mutex<Vec<Asked>>) -> Option<()> {
    let [_, _, high, low] = bytes(&mut client).await?;
    let address: [u8; 4] = bytes(&mut client).await?;
    until_nul(&mut client).await?;
    // An address that nobody can have: a name follows.
    let host = match address {
        [0, 0, 0, 1..=255] => String::from_utf8(until_nul(&mut client).await?).ok()?,
        _ => std::net::Ipv4Addr::from(address).to_string(),
    };
    let target = format!("{host}:{}", u16::from_be_bytes([high, low]));
    note(log, "SOCKS4", &target);
    let server = TcpStream::connect(&target).await;
    let status = if server.is_ok() { 0x5a } else { 0x5b };
    client.write_all(&[0, status, 0, 0, 0, 0, 0, 0]).await.ok()?;
    through(client, server.ok()?).await
}

async fn bytes<const N: usize>(client: &mut TcpStream) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

async fn text(client: &mut TcpStream, length: u8) -> Option<Vec<u8>> {
    let mut text = vec![0; length.into()];
    client.read_exact(&mut text).await.ok()?;
    Some(text)
}

async fn until_nul(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        match client.read_u8().await.ok()? {
            0 => return Some(text),
            byte => text.push(byte),
        }
    }
}
