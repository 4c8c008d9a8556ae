//! A client that says exactly what it is told to, byte by byte.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// A message of the server: its type and its body.
pub type Message = (char, Vec<u8>);

pub struct Raw {
    pub stream: TcpStream,
}

pub fn message(kind: char, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind as u8];
    bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.extend(body);
    bytes
}

pub fn query(sql: &str) -> Vec<u8> {
    message('Q', format!("{sql}\0").as_bytes())
}

pub fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 196_608u32.to_be_bytes().to_vec();
    for (name, value) in parameters {
        body.extend(format!("{name}\0{value}\0").as_bytes());
    }
    body.push(0);
    let mut bytes = u32::try_from(body.len() + 4).unwrap().to_be_bytes().to_vec();
    bytes.extend(body);
    bytes
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Raw {
        Raw { stream: TcpStream::connect(address).await.unwrap() }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next message; none when the server has closed.
    pub async fn next(&mut self) -> Option<Message> {
        let read = async {
            let kind = self.stream.read_u8().await.ok()?;
            let length = self.stream.read_u32().await.ok()?;
            let mut body = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
            self.stream.read_exact(&mut body).await.ok()?;
            Some((char::from(kind), body))
        };
        timeout(Duration::from_secs(20), read).await.expect("the server neither answers nor closes")
    }

    /// All messages until the server closes.
    pub async fn rest(&mut self) -> Vec<Message> {
        let mut all = Vec::new();
        while let Some(message) = self.next().await {
            all.push(message);
        }
        all
    }

    /// All messages up to and with one of that type.
    pub async fn until(&mut self, kind: char) -> Vec<Message> {
        let mut all = Vec::new();
        while let Some(message) = self.next().await {
            let found = message.0 == kind;
            all.push(message);
            if found {
                break;
            }
        }
        all
    }

    /// Begins the SCRAM exchange; gives back the client's state and the server's first message.
    pub async fn begin_scram(&mut self, user: &str) -> String {
        self.send(&startup(&[("user", user), ("database", "main")])).await;
        let (kind, body) = self.next().await.unwrap();
        assert_eq!((kind, body.get(..4)), ('R', Some(&10u32.to_be_bytes()[..])), "SASL is asked for");
        let first = "n,,n=,r=rOprNGfwEbeRWgbNEkqO";
        let mut body = b"SCRAM-SHA-256\0".to_vec();
        body.extend(u32::try_from(first.len()).unwrap().to_be_bytes());
        body.extend(first.as_bytes());
        self.send(&message('p', &body)).await;
        let (kind, body) = self.next().await.unwrap();
        assert_eq!(kind, 'R');
        String::from_utf8(body[4..].to_vec()).unwrap()
    }

    /// Logs in with the right password, up to the first `ReadyForQuery`.
    pub async fn log_in(&mut self, user: &str, password: &str) {
        use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
        self.send(&startup(&[("user", user), ("database", "main")])).await;
        self.next().await.unwrap();
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        let first = scram.message().to_vec();
        let mut body = b"SCRAM-SHA-256\0".to_vec();
        body.extend(u32::try_from(first.len()).unwrap().to_be_bytes());
        body.extend(first);
        self.send(&message('p', &body)).await;
        let (_, body) = self.next().await.unwrap();
        scram.update(&body[4..]).unwrap();
        let last = scram.message().to_vec();
        self.send(&message('p', &last)).await;
        let told = self.until('Z').await;
        assert!(told.iter().any(|(kind, _)| *kind == 'K'), "logged in: {}", kinds(&told));
    }

    /// The last message of the exchange, with a proof that no password gave.
    pub fn wrong_proof(server_first: &str) -> Vec<u8> {
        let nonce = server_first.split(',').next().unwrap().strip_prefix("r=").unwrap();
        let proof = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        message('p', format!("c=biws,r={nonce},p={proof}").as_bytes())
    }
}

/// The text of a field of an error.
pub fn field(error: &Message, code: u8) -> String {
    let parts = error.1.split(|b| *b == 0);
    let mut found =
        parts.filter(|p| p.first() == Some(&code)).map(|p| String::from_utf8_lossy(&p[1..]).into_owned());
    found.next_back().unwrap_or_default()
}

/// The types of messages, as a word.
pub fn kinds(messages: &[Message]) -> String {
    messages.iter().map(|(kind, _)| *kind).collect()
}
