//! Images as a folder, in the form that tools copy to registries.
//!
//! Source: OCI image specification, `image-layout.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use crate::blob::Blob;
use crate::image::{Descriptor, Image, json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u8,
    media_type: &'static str,
    manifests: Vec<Descriptor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LayoutVersion {
    image_layout_version: &'static str,
}

/// The files of a layout that holds these images, each with the name by which tools choose it: paths below the folder, and
/// their bytes. `index.json` is the last: what it names is there before it.
pub fn layout(images: &[(&str, &Image)]) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    let mut manifests = Vec::new();
    for (name, image) in images {
        let blobs: Vec<&Blob> = image.parts.iter().chain([&image.manifest]).collect();
        for blob in blobs {
            if seen.insert(&blob.sha256) {
                let path = PathBuf::from("blobs/sha256").join(&blob.sha256);
                files.push((path, blob.bytes.clone()));
            }
        }
        let named = BTreeMap::from([("org.opencontainers.image.ref.name", *name)]);
        manifests.push(Descriptor::of(&image.manifest, named));
    }
    files.push((
        PathBuf::from("oci-layout"),
        json(&LayoutVersion {
            image_layout_version: "1.0.0",
        }),
    ));
    files.push((
        PathBuf::from("index.json"),
        json(&Index {
            schema_version: 2,
            media_type: "application/vnd.oci.image.index.v1+json",
            manifests,
        }),
    ));
    files
}
