//! The image: its layers, its configuration and the manifest that names them.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::{Compression, GzBuilder};
use serde::Serialize;

use crate::blob::{Blob, sha256_hex};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A form of image that Istio's agent reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An ordinary image: one layer, an archive with `plugin.wasm`. Every registry takes it.
    Compat,
    /// An OCI artifact: the module itself is a layer.
    Oci,
}

/// An image of one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What names the other parts. Its digest is the image's.
    pub manifest: Blob,
    /// The configuration and the layers.
    pub parts: Vec<Blob>,
}

/// `manifest` of the image specification.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u8,
    media_type: &'static str,
    config: Descriptor<'a>,
    layers: Vec<Descriptor<'a>>,
    annotations: BTreeMap<&'static str, &'a str>,
}

/// Names a part by its digest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor<'a> {
    pub(crate) media_type: &'static str,
    pub(crate) digest: String,
    pub(crate) size: usize,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<&'static str, &'a str>,
}

impl<'a> Descriptor<'a> {
    pub(crate) fn of(blob: &Blob, annotations: BTreeMap<&'static str, &'a str>) -> Self {
        Self {
            media_type: blob.media_type,
            digest: blob.digest(),
            size: blob.bytes.len(),
            annotations,
        }
    }
}

/// `config` of the image specification, of which an image for Wasm needs little.
#[derive(Serialize)]
struct ImageConfig {
    architecture: &'static str,
    os: &'static str,
    config: Empty,
    rootfs: RootFs,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct RootFs {
    #[serde(rename = "type")]
    kind: &'static str,
    diff_ids: [String; 1],
}

impl Image {
    /// The image of `module` at this version of Fingerpost.
    pub fn new(form: Form, module: &[u8], version: &str) -> Self {
        match form {
            Form::Compat => Self::compat(module, version),
            Form::Oci => Self::oci(module, version),
        }
    }

    /// An image with one layer, as `extractOCIStandardImage` of the agent reads it.
    fn compat(module: &[u8], version: &str) -> Self {
        let archive = archive(module);
        let config = Blob::new(
            "application/vnd.oci.image.config.v1+json",
            json(&ImageConfig {
                architecture: "wasm",
                os: "wasip1",
                config: Empty {},
                rootfs: RootFs {
                    kind: "layers",
                    diff_ids: [format!("sha256:{}", sha256_hex(&archive))],
                },
            }),
        );
        let layer = Blob::new("application/vnd.oci.image.layer.v1.tar+gzip", gzipped(&archive));
        Self::of(config, vec![(layer, BTreeMap::new())], version)
    }

    /// An artifact with two layers, as `extractOCIArtifactImage` of the agent reads it: it wants two and takes the one
    /// that is a module.
    fn oci(module: &[u8], version: &str) -> Self {
        let config = Blob::new("application/vnd.module.wasm.config.v1+json", json(&Empty {}));
        let module = Blob::new(
            "application/vnd.module.wasm.content.layer.v1+wasm",
            module.to_vec(),
        );
        let settings = Blob::new("application/vnd.module.wasm.config.v1+json", b"{}\n".to_vec());
        let title = |name| BTreeMap::from([("org.opencontainers.image.title", name)]);
        let layers = vec![
            (module, title("plugin.wasm")),
            (settings, title("runtime-config.json")),
        ];
        Self::of(config, layers, version)
    }

    fn of(config: Blob, layers: Vec<(Blob, BTreeMap<&'static str, &str>)>, version: &str) -> Self {
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST,
            config: Descriptor::of(&config, BTreeMap::new()),
            layers: layers
                .iter()
                .map(|(layer, annotations)| Descriptor::of(layer, annotations.clone()))
                .collect(),
            annotations: BTreeMap::from([
                ("org.opencontainers.image.title", "fingerpost"),
                ("org.opencontainers.image.version", version),
                ("org.opencontainers.image.licenses", "Apache-2.0"),
            ]),
        };
        let manifest = Blob::new(MANIFEST, json(&manifest));
        let layers = layers.into_iter().map(|(layer, _)| layer);
        Self {
            manifest,
            parts: [config].into_iter().chain(layers).collect(),
        }
    }
}

/// A tar archive with `plugin.wasm`, owned by root, without a time.
fn archive(module: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_size(module.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    let mut archive = tar::Builder::new(Vec::new());
    // It writes into memory: nothing fails.
    let written = archive
        .append_data(&mut header, "plugin.wasm", module)
        .and_then(|()| archive.into_inner());
    debug_assert!(written.is_ok(), "{written:?}");
    written.unwrap_or_default()
}

/// `bytes` in gzip's form, stored as they are: what a compressor makes of them may differ between processors, and the
/// digest must not.
fn gzipped(bytes: &[u8]) -> Vec<u8> {
    const UNKNOWN_SYSTEM: u8 = 255;
    let mut gzip = GzBuilder::new()
        .operating_system(UNKNOWN_SYSTEM)
        .write(Vec::new(), Compression::none());
    // It writes into memory: nothing fails.
    let written = gzip.write_all(bytes).and_then(|()| gzip.finish());
    debug_assert!(written.is_ok(), "{written:?}");
    written.unwrap_or_default()
}

/// JSON without white space. The types hold texts and numbers only: they always serialise.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    const MODULE: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn the_same_module_has_the_same_digest() {
        for form in [Form::Compat, Form::Oci] {
            let image = Image::new(form, MODULE, "1.0.0");
            assert_eq!(image, Image::new(form, MODULE, "1.0.0"));
            assert_ne!(
                image.manifest.sha256,
                Image::new(form, b"\0asm\x02\0\0\0", "1.0.0").manifest.sha256
            );
        }
    }

    /// The digests of 1.0.0 of this module, on every machine.
    #[test]
    fn digests_do_not_depend_on_the_machine() {
        let digest = |form| Image::new(form, MODULE, "1.0.0").manifest.sha256;
        assert_eq!(
            digest(Form::Compat),
            "a3ce5c88d7685c4bd36838f17bbc02c43a03468c6eb9b386c493082a6dfad6d3"
        );
        assert_eq!(
            digest(Form::Oci),
            "d118340a236686d22a19894323689794aa39ec992309e73a4cebbcf5ccc83ecf"
        );
    }

    #[test]
    fn the_layer_of_an_image_holds_the_module() {
        let module: Vec<u8> = (0..200_000_u32).map(|it| it.to_le_bytes()[0]).collect();
        let image = Image::new(Form::Compat, &module, "1.0.0");
        let layer = image.parts.last().unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(layer.bytes.as_slice()));
        let mut entries = archive.entries().unwrap();
        let mut entry = entries.next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap().to_str(), Some("plugin.wasm"));
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, module);
        assert!(entries.next().is_none());
    }

    #[test]
    fn an_artifact_has_the_two_layers_that_the_agent_wants() {
        let image = Image::new(Form::Oci, MODULE, "1.0.0");
        let manifest: serde_json::Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        assert_eq!(layers.len(), 2);
        assert_eq!(
            layers[0]["mediaType"],
            "application/vnd.module.wasm.content.layer.v1+wasm"
        );
        assert_eq!(layers[0]["digest"], format!("sha256:{}", sha256_hex(MODULE)));
    }
}
