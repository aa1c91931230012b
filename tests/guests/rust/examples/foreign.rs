//! Calls the foreign functions that work on bytes: zlib, and signatures.

use fingerpost_guests::{host, path, say, text};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;
struct Stream;

impl Context for Root {}
impl RootContext for Root {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream))
    }
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Stream {}
impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        match path().as_str() {
            "/zlib" => zlib(),
            "/signatures" => signatures(),
            "/expressions" => expressions(),
            _ => {}
        }
        Action::Continue
    }
}

/// Calls a function and says what came back; long bytes by their length and sum.
fn call(what: &str, name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
    let result = host::foreign(name, arguments);
    say(match &result {
        Ok(Some(bytes)) if bytes.len() <= 80 => format!("{what}: {}", text(bytes)),
        Ok(Some(bytes)) => format!("{what}: {} bytes, sum {}", bytes.len(), sum(bytes)),
        Ok(None) => format!("{what}: none"),
        Err(status) => format!("{what}: status {}", status.0),
    });
    result.ok().flatten()
}

fn sum(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)))
}

fn zlib() {
    let long: Vec<u8> = (0..20_000u32).map(|it| (it * it % 251) as u8).collect();
    for (what, bytes) in [
        ("nothing", &b""[..]),
        ("short", b"hello hello hello hello"),
        ("long", &long),
    ] {
        let Some(compressed) = call(&format!("compress {what}"), "compress", bytes) else {
            continue;
        };
        let back = host::foreign("uncompress", &compressed);
        say(format!(
            "{what} comes back: {}",
            back.is_ok_and(|back| back.unwrap_or_default() == bytes)
        ));
        let mut more = compressed.clone();
        more.extend(b"behind it");
        call(&format!("{what}, and more"), "uncompress", &more);
        let less = compressed.len() - 1;
        call(&format!("{what}, cut off"), "uncompress", &compressed[..less]);
        let mut wrong = compressed;
        let last = wrong.len() - 1;
        wrong[last] ^= 1;
        call(&format!("{what}, wrong"), "uncompress", &wrong);
    }
    call("uncompress nothing", "uncompress", b"");
    call("uncompress text", "uncompress", b"not compressed");
    let zeros = vec![0; 1_000_000];
    if let Ok(Some(compressed)) = host::foreign("compress", &zeros) {
        let back = host::foreign("uncompress", &compressed);
        say(format!(
            "a million zeros come back: {}",
            back.is_ok_and(|back| back.unwrap_or_default() == zeros)
        ));
    }
}

/// A protobuf message of texts.
fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut message = Vec::new();
    for (number, bytes) in fields {
        message.push(number << 3 | 2);
        let mut length = bytes.len();
        while length > 0x7f {
            message.push(0x80 | (length & 0x7f) as u8);
            length >>= 7;
        }
        message.push(length as u8);
        message.extend(*bytes);
    }
    message
}

/// The signature in a `SignResult`: its second field, behind the first's two bytes.
fn signature(result: &[u8]) -> Vec<u8> {
    let long = result.get(3).is_some_and(|byte| byte & 0x80 != 0);
    result
        .get(if long { 5 } else { 4 }..)
        .unwrap_or_default()
        .to_vec()
}

const TEXT: &[u8] = b"the quick brown fox";

fn signatures() {
    let rsa: &[u8] = include_bytes!("../keys/rsa.der");
    let rsa_pem: &[u8] = include_bytes!("../keys/rsa.pem");
    let rsa_public: &[u8] = include_bytes!("../keys/rsa.pub.der");
    let rsa_public_pem: &[u8] = include_bytes!("../keys/rsa.pub.pem");
    let p256: &[u8] = include_bytes!("../keys/p256.der");
    let p256_public: &[u8] = include_bytes!("../keys/p256.pub.der");
    for hash in ["sha256", "SHA384", "sha512"] {
        let hash = hash.as_bytes();
        let Some(signed) = call(
            &format!("sign {}", text(hash)),
            "sign",
            &message(&[(1, hash), (2, rsa), (3, TEXT)]),
        ) else {
            continue;
        };
        let signature = signature(&signed);
        let verify = |what: &str, key: (u8, &[u8]), signature: &[u8], signed: &[u8]| {
            let arguments = message(&[(1, hash), key, (3, signature), (4, signed)]);
            call(what, "verify_signature", &arguments);
        };
        verify("verify", (2, rsa_public), &signature, TEXT);
        verify("verify by PEM", (5, rsa_public_pem), &signature, TEXT);
        verify("verify another text", (2, rsa_public), &signature, b"another");
        verify("verify half a signature", (2, rsa_public), &signature[..9], TEXT);
        verify("verify with no key", (2, b""), &signature, TEXT);
        verify("verify with half a key", (2, &rsa_public[..40]), &signature, TEXT);
        verify("verify with a key that is none", (5, b"PEM"), &signature, TEXT);
        if hash != b"sha512" {
            verify("verify with the other key", (2, p256_public), &signature, TEXT);
        }
    }
    let by_pem = message(&[(1, b"sha256"), (4, rsa_pem), (3, TEXT)]);
    call("sign by PEM", "sign", &by_pem);
    let by_both = message(&[(1, b"sha256"), (2, rsa), (4, rsa_pem), (3, TEXT)]);
    call("sign by both", "sign", &by_both);
    call("sign by none", "sign", &message(&[(1, b"sha256"), (3, TEXT)]));
    let unknown = message(&[(1, b"md5"), (2, rsa), (3, TEXT)]);
    call("sign with an unknown hash", "sign", &unknown);
    let half = message(&[(1, b"sha256"), (2, &rsa[..100]), (3, TEXT)]);
    call("sign with half a key", "sign", &half);
    let public = message(&[(1, b"sha256"), (2, rsa_public), (3, TEXT)]);
    call("sign with the public key", "sign", &public);
    call("sign nonsense", "sign", b"\xff");
    call("verify nonsense", "verify_signature", b"\xff");
    call("verify nothing", "verify_signature", b"");
    let unknown = message(&[(1, b"md5"), (2, rsa_public), (3, b"x"), (4, TEXT)]);
    call("verify an unknown hash", "verify_signature", &unknown);
    // Each signature of this kind is another, so only whether it verifies can be told.
    let arguments = message(&[(1, b"sha256"), (2, p256), (3, TEXT)]);
    if let Ok(Some(signed)) = host::foreign("sign", &arguments) {
        let signature = signature(&signed);
        let arguments = message(&[(1, b"sha256"), (2, p256_public), (3, &signature), (4, TEXT)]);
        call("verify ECDSA", "verify_signature", &arguments);
        let arguments = message(&[(1, b"sha256"), (2, p256_public), (3, &signature), (4, b"x")]);
        call("verify ECDSA of another text", "verify_signature", &arguments);
    }
}

/// CEL: only where the host was built with it.
fn expressions() {
    let token = call("create", "expr_create", b"request.path == '/expressions'");
    let token = token.unwrap_or_else(|| vec![0; 4]);
    call("evaluate", "expr_evaluate", &token);
    call("delete", "expr_delete", &token);
    call("evaluate what is gone", "expr_evaluate", &token);
}
