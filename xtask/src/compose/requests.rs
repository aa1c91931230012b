//! Requests to the gateway of the test, and what must come back.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::Failure;
use crate::workspace::say;

const HOST: &str = "shop.example.com";
/// How long an answer may take to be right: other processes may need the machine too.
const PATIENCE: Duration = Duration::from_secs(120);

/// A request and its answer.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) path: &'static str,
    pub(crate) header: Option<(&'static str, &'static str)>,
    pub(crate) answer: Answer,
}

/// What must come back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// An upstream answers: its service, its subset and the path that it got.
    From {
        service: &'static str,
        subset: &'static str,
        path: &'static str,
    },
    /// Envoy answers itself.
    Status(u16),
}

/// Sends each request until it is answered as it must be, or for as long as a health check or a reload may take.
pub(crate) fn check(port: u16, cases: &[Case]) -> Result<(), Failure> {
    for case in cases {
        let start = Instant::now();
        loop {
            let seen = send(port, case);
            if seen.as_ref().is_ok_and(|seen| is_as_expected(seen, &case.answer)) {
                say("ok", format_args!("{} {:?}", shown(case), case.answer));
                break;
            }
            if start.elapsed() > PATIENCE {
                let seen = seen.map_or_else(|error| error.to_string(), |it| in_a_line(&it));
                return Err(Failure::Found(format!(
                    "{}: expected {:?}, and got {seen}",
                    shown(case),
                    case.answer
                )));
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
    Ok(())
}

fn shown(case: &Case) -> String {
    let header = case.header.map(|(name, value)| format!(" ({name}: {value})"));
    format!("{HOST}{}{}", case.path, header.unwrap_or_default())
}

/// The whole answer as text.
fn send(port: u16, case: &Case) -> std::io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let header = case.header.map(|(name, value)| format!("{name}: {value}\r\n"));
    let header = header.unwrap_or_default();
    write!(
        stream,
        "GET {} HTTP/1.1\r\nhost: {HOST}\r\n{header}connection: close\r\n\r\n",
        case.path
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The status line and the body.
fn in_a_line(answer: &str) -> String {
    let status = answer.lines().next().unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    format!("{status} {}", body.trim().replace('\n', " "))
}

fn is_as_expected(seen: &str, expected: &Answer) -> bool {
    match expected {
        Answer::Status(status) => seen.starts_with(&format!("HTTP/1.1 {status} ")),
        Answer::From {
            service,
            subset,
            path,
        } => {
            let body = seen.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            let Ok(echo) = serde_json::from_str::<Value>(body) else {
                return false;
            };
            echo["service"] == *service && echo["subset"] == *subset && echo["path"] == *path
        }
    }
}
