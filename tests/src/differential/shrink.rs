//! Makes a difference small: takes away from resources and request whatever does not matter for it.
//!
//! Whatever the change: what is left must still be accepted and must still differ. Where in doubt, nothing is taken.

use serde_json::Value;

use crate::sent::Sent;

/// Resources and a request that two engines disagree about.
#[derive(Debug, Clone)]
pub struct Dispute {
    /// The resources.
    pub documents: Vec<Value>,
    /// The request.
    pub sent: Sent,
}

/// The smallest dispute that `differs` still says is one, within so many trials.
///
/// `differs` is asked about many at once, since that is cheaper; it answers for each.
pub fn shrink(mut dispute: Dispute, trials: usize, differs: impl Fn(&[Dispute]) -> Vec<bool>) -> Dispute {
    let mut left = trials;
    loop {
        let smaller = smaller(&dispute);
        let mut advanced = false;
        for chunk in smaller.chunks(24) {
            if left == 0 {
                return dispute;
            }
            left = left.saturating_sub(chunk.len());
            if let Some(index) = differs(chunk).iter().position(|it| *it) {
                dispute = chunk[index].clone();
                advanced = true;
                break;
            }
        }
        if !advanced {
            return dispute;
        }
    }
}

/// Everything that is one step smaller, large steps first.
fn smaller(dispute: &Dispute) -> Vec<Dispute> {
    let mut found = Vec::new();
    for index in (0..dispute.documents.len()).rev() {
        let mut documents = dispute.documents.clone();
        documents.remove(index);
        found.push(Dispute {
            documents,
            sent: dispute.sent.clone(),
        });
    }
    for (index, document) in dispute.documents.iter().enumerate() {
        for pointer in removable(document) {
            let mut documents = dispute.documents.clone();
            if remove(&mut documents[index], &pointer) {
                found.push(Dispute {
                    documents,
                    sent: dispute.sent.clone(),
                });
            }
        }
    }
    found.extend(smaller_requests(&dispute.sent).into_iter().map(|sent| Dispute {
        documents: dispute.documents.clone(),
        sent,
    }));
    found
}

fn smaller_requests(sent: &Sent) -> Vec<Sent> {
    let mut found = Vec::new();
    for index in 0..sent.headers.len() {
        let mut less = sent.clone();
        less.headers.remove(index);
        found.push(less);
    }
    for (index, (_, value)) in sent.headers.iter().enumerate() {
        for value in shorter(value) {
            let mut less = sent.clone();
            less.headers[index].1 = value;
            found.push(less);
        }
    }
    if sent.method != b"GET" {
        found.push(Sent {
            method: b"GET".to_vec(),
            ..sent.clone()
        });
    }
    if sent.authority.as_deref() != Some(b"a.test") {
        found.push(Sent {
            authority: Some(b"a.test".to_vec()),
            ..sent.clone()
        });
    }
    found.extend(shorter(&sent.target).into_iter().map(|target| Sent {
        target,
        ..sent.clone()
    }));
    found
}

/// Without its second half, without a byte of a short text.
fn shorter(text: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    if text.len() > 3 {
        found.push(text[..text.len() / 2].to_vec());
    }
    if text.len() <= 40 {
        for index in (0..text.len()).rev() {
            found.push([&text[..index], &text[index + 1..]].concat());
        }
    }
    found
}

/// The JSON pointers of all fields and items below `spec`, outer ones first.
fn removable(document: &Value) -> Vec<String> {
    let mut found = vec!["/spec".to_owned()];
    let mut at = 0;
    while let Some(pointer) = found.get(at).cloned() {
        at += 1;
        let keys: Vec<String> = match document.pointer(&pointer) {
            Some(Value::Object(fields)) => fields
                .keys()
                .map(|it| it.replace('~', "~0").replace('/', "~1"))
                .collect(),
            Some(Value::Array(items)) => (0..items.len()).rev().map(|it| it.to_string()).collect(),
            _ => Vec::new(),
        };
        found.extend(keys.iter().map(|key| format!("{pointer}/{key}")));
    }
    found.split_off(1)
}

fn remove(document: &mut Value, pointer: &str) -> bool {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        return false;
    };
    match document.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            let key = key.replace("~1", "/").replace("~0", "~");
            fields.remove(&key).is_some()
        }
        Some(Value::Array(items)) => match key.parse::<usize>() {
            Ok(index) if index < items.len() => {
                items.remove(index);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Dispute, shrink};
    use crate::sent::Sent;

    #[test]
    fn only_what_matters_is_left() {
        let dispute = Dispute {
            documents: vec![
                json!({"kind": "A", "spec": {"x": [1, {"y/z": 2, "w": 3}], "v": 4}}),
                json!({"kind": "B", "spec": {}}),
            ],
            sent: Sent::parse("80 POST b.test /a/b/c?d  x-a: 1  x-b: 22").expect("a line"),
        };
        let differs = |tried: &Dispute| {
            let text = format!("{:?}", tried.documents);
            text.contains("y/z") && tried.sent.target.contains(&b'b') && tried.sent.header("x-b").is_some()
        };
        let least = shrink(dispute, 1000, |tried| tried.iter().map(differs).collect());
        assert_eq!(
            least.documents,
            [json!({"kind": "A", "spec": {"x": [{"y/z": 2}]}})]
        );
        assert_eq!(least.sent.to_string(), r"80 GET a.test b  x-b: ");
    }
}
