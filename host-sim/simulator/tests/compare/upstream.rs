//! The upstream behind the proxy: it answers by what the request asks for, the same on both sides.

use fingerpost_simulator::{Request, Response};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The answer to a request that asks for `kind` in the header `x-answer`.
pub(crate) fn answer(kind: Option<&str>) -> Response {
    let response = |status| {
        Response::new(status)
            .header("content-type", "text/plain")
            .header("x-up", "1")
            .header("set-cookie", "a=1")
            .header("x-drop", "1")
    };
    match kind {
        Some("chunks") => response(200).chunks(["one", "two", "three"]),
        Some("long") => response(200).chunks(vec!["0123456789".repeat(20); 3]),
        Some("longer") => response(200).chunks(vec!["0123456789".repeat(20); 5]),
        Some("trailers") => response(200)
            .chunks(["one", "two"])
            .trailer("x-t", "1")
            .trailer("x-u", "2"),
        Some("empty") => response(200).header("content-length", "0"),
        Some("twice") => response(200).header("x-twice", "1").body("many"),
        Some("404") => response(404).body("not here"),
        _ => response(200).body("upstream body"),
    }
}

/// A request as a server reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Got {
    pub(crate) fn of(request: &Request) -> Self {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let pairs = |headers: &[(Vec<u8>, Vec<u8>)]| -> Vec<(String, String)> {
            headers
                .iter()
                .map(|(name, value)| (text(name), text(value)))
                .collect()
        };
        let mut headers = pairs(&request.headers);
        headers.retain(|(name, _)| !name.starts_with(':'));
        if let Some(host) = request.headers.get(":authority") {
            headers.push(("host".to_owned(), text(host)));
        }
        Self {
            method: request.headers.text(":method").unwrap_or_default().to_owned(),
            path: request.headers.text(":path").unwrap_or_default().to_owned(),
            headers,
            body: text(&request.body_bytes()),
            trailers: request.trailers.as_deref().map(pairs).unwrap_or_default(),
        }
    }
}

/// A server on the loopback.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Upstream {
    /// Starts one that waits so long between pieces that a proxy reads them one by one.
    pub(crate) fn start(pause: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = got.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = kept.clone();
                thread::spawn(move || serve(stream, &kept, pause));
            }
        });
        Ok(Self { address, got })
    }

    pub(crate) fn take(&self) -> Vec<Got> {
        std::mem::take(&mut *self.got.lock().expect("no thread panics with it"))
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<Got>>, pause: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?; // or pieces would be sent together
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some((first, headers)) = head(&mut reader)? {
        let (body, trailers) = body(&mut reader, &headers, false)?;
        if announced(&headers).is_some_and(|length| length > body.len()) {
            return Ok(()); // the proxy has given up waiting
        }
        let mut words = first.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let got = Got {
            method: word(),
            path: word(),
            headers,
            body: body.escape_ascii().to_string(),
            trailers,
        };
        let kind = got
            .headers
            .iter()
            .find(|(name, _)| name == "x-answer")
            .map(|(_, value)| value.clone());
        let head_only = got.method == "HEAD";
        kept.lock().expect("no thread panics with it").push(got);
        write(&mut writer, &answer(kind.as_deref()), head_only, pause)?;
    }
    Ok(())
}

fn write(writer: &mut TcpStream, response: &Response, head_only: bool, pause: Duration) -> io::Result<()> {
    let mut text = format!("HTTP/1.1 {} Answer\r\n", response.status());
    for (name, value) in response
        .headers
        .iter()
        .filter(|(name, _)| !name.starts_with(b":"))
    {
        text += &format!("{}: {}\r\n", name.escape_ascii(), value.escape_ascii());
    }
    let counted = response.headers.get("content-length").is_some();
    if !counted {
        text += "transfer-encoding: chunked\r\n";
    }
    writer.write_all((text + "\r\n").as_bytes())?;
    writer.flush()?;
    if head_only {
        return Ok(());
    }
    for (index, piece) in response.body.iter().enumerate() {
        if index > 0 {
            thread::sleep(pause);
        }
        writer.write_all(&framed(piece, !counted))?;
        writer.flush()?;
    }
    if !counted {
        thread::sleep(pause);
        let trailers = response.trailers.iter().flat_map(|trailers| trailers.iter());
        writer.write_all(last_chunk(trailers).as_bytes())?;
    }
    Ok(())
}

pub(crate) fn framed(piece: &[u8], chunked: bool) -> Vec<u8> {
    match chunked {
        true => [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat(),
        false => piece.to_vec(),
    }
}

pub(crate) fn last_chunk<'t>(trailers: impl Iterator<Item = &'t (Vec<u8>, Vec<u8>)>) -> String {
    let lines =
        trailers.map(|(name, value)| format!("{}: {}\r\n", name.escape_ascii(), value.escape_ascii()));
    format!("0\r\n{}\r\n", lines.collect::<String>())
}

pub(crate) type Pairs = Vec<(String, String)>;

/// The first line and the headers, or nothing where the connection ends.
pub(crate) fn head(reader: &mut impl BufRead) -> io::Result<Option<(String, Pairs)>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    Ok(Some((first.trim_end().to_owned(), pairs(reader)?)))
}

fn pairs(reader: &mut impl BufRead) -> io::Result<Pairs> {
    let mut pairs = Vec::new();
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return Ok(pairs);
        };
        let (name, value) = line.split_at(colon);
        let text = |bytes: &[u8]| bytes.trim_ascii().escape_ascii().to_string();
        pairs.push((text(name).to_ascii_lowercase(), text(&value[1..]))); // behind the colon
    }
}

/// The length that a message's headers announce.
fn announced(headers: &Pairs) -> Option<usize> {
    let length = headers.iter().find(|(name, _)| name == "content-length")?;
    length.1.parse().ok()
}

/// A body as its headers frame it; `to_end` where a message without a length ends with its connection.
pub(crate) fn body(reader: &mut impl BufRead, headers: &Pairs, to_end: bool) -> io::Result<(Vec<u8>, Pairs)> {
    let header = |wanted: &str| {
        headers
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    let mut body = Vec::new();
    if header("transfer-encoding") == Some("chunked") {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).unwrap_or_default();
            if size == 0 {
                return Ok((body, pairs(reader)?));
            }
            reader.take(size).read_to_end(&mut body)?;
            reader.read_line(&mut line)?;
        }
    }
    match announced(headers) {
        Some(length) => reader.take(length as u64).read_to_end(&mut body)?,
        None if to_end => reader.read_to_end(&mut body)?,
        None => 0,
    };
    Ok((body, Vec::new()))
}
