//! gRPC by the example's resources: calls and streams, deadlines, retries, errors of the proxy.

use futures_util::stream;
use http::Version;
use http_body_util::{BodyExt as _, Full, StreamBody};

use super::body::{Body, Ended};
use super::grpc_frames::{Call, Code, Status, message};
use super::http2::{http1, prior_knowledge};
use super::proxy::{Proxy, Side};
use super::received::Received;
use super::{Test, expect, run};
use crate::operations::said;

pub(super) const TESTS: &[Test] = &[
    ("gRPC: a call, with edits of its headers", a_call),
    ("gRPC: streams in each direction", streams),
    (
        "gRPC: messages of a stream pass one by one",
        messages_pass_one_by_one,
    ),
    ("gRPC: trailers are not edited", trailers_are_not_edited),
    ("gRPC: an unavailable server is tried again", retries),
    ("gRPC: a deadline ends a call", deadlines),
    ("gRPC: a stream without a deadline lasts", a_lasting_stream),
    ("gRPC: errors of the proxy are statuses", errors_of_the_proxy),
    ("gRPC: a copy goes to the mirror", a_mirror),
    ("gRPC: gRPC-Web of a browser", of_a_browser),
];

const HOST: &str = "grpc.example.com";
const PLACE: &str = "/shop.v1.Orders/Place";

/// A case of its own for each engine.
fn case(side: Side, name: &str) -> String {
    format!("{name} by {side}")
}

fn header<'r>(received: &'r Received, name: &str) -> Option<&'r str> {
    received.headers.get(name).and_then(|it| it.to_str().ok())
}

/// A call of the example, without anything special.
fn call<'a>(path: &'a str, case: &'a str) -> Call<'a> {
    Call {
        host: HOST,
        path,
        case,
        deadline: None,
        metadata: &[],
    }
}

/// The messages of a client that sends them all at once.
fn messages(texts: &[&str]) -> Body {
    let frames: Vec<_> = texts.iter().map(|it| message(it)).collect();
    Body::new(StreamBody::new(stream::iter(frames)))
}

/// Makes a call with one message, and reads its answer to the end.
fn status_of(proxy: &Proxy, side: Side, call: &Call<'_>, text: &str) -> Result<Status, String> {
    run(async {
        let mut client = prior_knowledge(proxy.address(side)?).await?;
        call.send(&mut client, messages(&[text])).await?.status().await
    })
}

fn a_call(proxy: &Proxy, side: Side) -> Result<(), String> {
    let case = case(side, "a call");
    let (headers, texts) = run(async {
        let mut client = prior_knowledge(proxy.address(side)?).await?;
        let call = Call {
            deadline: Some("60S"),
            ..call(PLACE, &case)
        };
        let mut answer = call.send(&mut client, messages(&["shoes"])).await?;
        Ok((answer.headers.clone(), answer.messages.all().await?))
    })?;
    expect("message", &texts, &vec!["shoes".to_owned()])?;
    let metadata = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    expect("set by the rule", &metadata("x-served-by"), &Some("edge"))?;
    expect("removed by the rule", &metadata("x-internal"), &None)?;
    expect("of the server", &metadata("x-kept"), &Some("2"))?;
    let of_server = |it: &&Received| it.cluster.contains("|orders.");
    let all = proxy
        .received()
        .wait_for(&case, |it| it.iter().any(|it| of_server(&it)))?;
    let received = all.iter().find(of_server).ok_or("nothing reached the server")?;
    expect("version", &received.version, &Version::HTTP_2)?;
    expect("path", &received.path.as_str(), &PLACE)?;
    expect("authority", &received.authority.as_str(), &HOST)?;
    expect("x-shop", &header(received, "x-shop"), &Some("web"))?;
    expect("te", &header(received, "te"), &Some("trailers"))?;
    // The client waits a minute, the rule five seconds.
    expect("grpc-timeout", &header(received, "grpc-timeout"), &Some("5000m"))
}

fn streams(proxy: &Proxy, side: Side) -> Result<(), String> {
    let case = case(side, "streams");
    run(async {
        let mut client = prior_knowledge(proxy.address(side)?).await?;
        for (path, sent, received) in [
            ("/shop.v1.Orders/Watch", &["count 3"][..], &["0", "1", "2"][..]),
            ("/shop.v1.Orders/Upload", &["a", "b", "c"], &["a b c"]),
            ("/shop.v1.Orders/Chat", &["a", "b"], &["a", "b"]),
        ] {
            let mut answer = call(path, &case).send(&mut client, messages(sent)).await?;
            expect(
                path,
                &answer.messages.all().await?,
                &received.iter().map(|it| (*it).to_owned()).collect(),
            )?;
            expect(path, &answer.status().await?.code, &Code::Ok)?;
        }
        Ok(())
    })
}

/// A message is sent after the answer to the one before has come, so nothing may wait for the end of a body.
fn messages_pass_one_by_one(proxy: &Proxy, side: Side) -> Result<(), String> {
    let case = case(side, "chat");
    run(async {
        let mut client = prior_knowledge(proxy.address(side)?).await?;
        let (sender, receiver) = tokio::sync::mpsc::channel::<&str>(1);
        let sent = stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|text| (message(text), receiver))
        });
        sender.send("first").await.map_err(said)?;
        let chat = call("/shop.v1.Orders/Chat", &case);
        let mut answer = chat.send(&mut client, Body::new(StreamBody::new(sent))).await?;
        for (come, next) in [("first", "second"), ("second", "third")] {
            expect(
                "an answer",
                &answer.messages.next().await?.as_deref(),
                &Some(come),
            )?;
            sender.send(next).await.map_err(said)?;
        }
        drop(sender);
        expect(
            "the last answer",
            &answer.messages.all().await?,
            &vec!["third".to_owned()],
        )?;
        expect("the end", &answer.status().await?.code, &Code::Ok)
    })
}

/// Edits are made to headers. A status that comes without messages is in the headers, one behind messages is in trailers.
fn trailers_are_not_edited(proxy: &Proxy, side: Side) -> Result<(), String> {
    let case = case(side, "trailers");
    let status = status_of(proxy, side, &call(PLACE, &case), "fail")?;
    expect("code in headers", &status.code, &Code::NotFound)?;
    expect(
        "removed from headers",
        &status.metadata.contains_key("x-internal"),
        &false,
    )?;
    expect(
        "added to headers",
        &status.metadata.contains_key("x-served-by"),
        &true,
    )?;
    let status = status_of(proxy, side, &call("/shop.v1.Orders/List", &case), "count 1 fail")?;
    expect("code in trailers", &status.code, &Code::Aborted)?;
    expect(
        "kept in trailers",
        &status.metadata.contains_key("x-internal"),
        &true,
    )?;
    expect(
        "added to trailers",
        &status.metadata.contains_key("x-served-by"),
        &false,
    )
}

fn retries(proxy: &Proxy, side: Side) -> Result<(), String> {
    for (times, code, attempts) in [(2, Code::Ok, 3), (9, Code::Unavailable, 4)] {
        let case = case(side, &format!("busy {times}"));
        let status = status_of(proxy, side, &call(PLACE, &case), &format!("busy {times}"))?;
        expect(&case, &status.code, &code)?;
        let at_server = |it: &[Received]| it.iter().filter(|it| it.cluster.contains("|orders.")).count();
        let all = proxy.received().wait_for(&case, |it| at_server(it) >= attempts)?;
        expect(&format!("{case}: attempts"), &at_server(&all), &attempts)?;
    }
    Ok(())
}

/// The client only says how long it waits; the proxy ends the call.
fn deadlines(proxy: &Proxy, side: Side) -> Result<(), String> {
    for (name, host, path, deadline) in [
        ("of the client", HOST, PLACE, Some("200m")),
        (
            "of the client, without a timeout",
            HOST,
            "/grpc.health.v1.Health/Place",
            Some("200m"),
        ),
        ("of the rule", "slow.test", "/slow.v1.Slow/Place", None),
        (
            "of the rule, below the client's",
            "slow.test",
            "/slow.v1.Slow/Place",
            Some("60S"),
        ),
    ] {
        let case = case(side, name);
        let call = Call {
            host,
            deadline,
            ..call(path, &case)
        };
        let status = status_of(proxy, side, &call, "hang")?;
        expect(
            name,
            &(status.code, status.message.as_str()),
            &(Code::Unavailable, "upstream request timeout"),
        )?;
        expect(
            &format!("{name}: at the server"),
            &proxy.received().ended(&case)?,
            &Ended::Broken,
        )?;
    }
    Ok(())
}

/// Neither the rule nor the client limits it.
fn a_lasting_stream(proxy: &Proxy, side: Side) -> Result<(), String> {
    let case = case(side, "a lasting stream");
    run(async {
        let mut client = prior_knowledge(proxy.address(side)?).await?;
        let watch = call("/shop.v1.Orders/Watch", &case);
        let mut answer = watch.send(&mut client, messages(&["hang"])).await?;
        expect("message", &answer.messages.next().await?.as_deref(), &Some("0"))
    })?;
    let received = proxy.received().only(&case)?;
    expect(
        "a deadline for the server",
        &header(&received, "grpc-timeout"),
        &None,
    )
}

fn errors_of_the_proxy(proxy: &Proxy, side: Side) -> Result<(), String> {
    let drill = &[("x-drill", "true")][..];
    for (name, host, path, metadata, code) in [
        (
            "no route",
            HOST,
            "/shop.v1.Carts/Get",
            &[][..],
            Code::Unimplemented,
        ),
        (
            "no host",
            "nowhere.test",
            "/shop.v1.Carts/Get",
            &[],
            Code::Unimplemented,
        ),
        (
            "no upstream",
            "slow.test",
            "/down.v1.Down/Get",
            &[],
            Code::Unavailable,
        ),
        ("a fault", HOST, PLACE, drill, Code::ResourceExhausted),
    ] {
        let call = Call {
            host,
            metadata,
            ..call(path, name)
        };
        expect(name, &status_of(proxy, side, &call, "x")?.code, &code)?;
    }
    Ok(())
}

fn a_mirror(proxy: &Proxy, side: Side) -> Result<(), String> {
    let case = case(side, "a mirror");
    status_of(proxy, side, &call(PLACE, &case), "shoes")?;
    let is_copy = |it: &&Received| it.cluster.contains("|audit.");
    let is_whole = |it: &&Received| is_copy(it) && it.ended.is_some();
    let all = proxy
        .received()
        .wait_for(&case, |it| it.iter().any(|it| is_whole(&it)))?;
    let copy = all.iter().find(is_copy).ok_or("no copy")?;
    expect("version", &copy.version, &Version::HTTP_2)?;
    expect("authority", &copy.authority.as_str(), &HOST)?;
    expect("path", &copy.path.as_str(), &PLACE)
}

/// Over HTTP/1.1, with the status in the body, as a browser's library asks.
fn of_a_browser(proxy: &Proxy, side: Side) -> Result<(), String> {
    let case = case(side, "a browser");
    let (kind, body) = run(async {
        let mut client = http1(proxy.port(side, 8080)?).await?;
        let framed: &[u8] = b"\0\0\0\0\x05shoes";
        let asked = http::Request::post("/shop.v1.Orders/Place")
            .header("host", HOST)
            .header("content-type", "application/grpc-web+proto")
            .header("x-case", &case)
            .body(Body::new(Full::from(framed)))
            .map_err(said)?;
        let response = client.send_request(asked).await.map_err(said)?;
        let kind = response.headers().get("content-type").cloned();
        let body = response.into_body().collect().await.map_err(said)?.to_bytes();
        Ok((kind, body))
    })?;
    expect(
        "content type",
        &kind.is_some_and(|it| it == "application/grpc-web+proto"),
        &true,
    )?;
    let trailers = body
        .strip_prefix(b"\0\0\0\0\x05shoes\x80")
        .ok_or_else(|| format!("{body:?}"))?;
    let trailers = String::from_utf8_lossy(trailers).to_lowercase();
    expect("status in the body", &trailers.contains("grpc-status:0"), &true)?;
    let received = proxy.received().only(&case)?;
    expect("version", &received.version, &Version::HTTP_2)?;
    expect(
        "content type",
        &header(&received, "content-type"),
        &Some("application/grpc"),
    )
}
