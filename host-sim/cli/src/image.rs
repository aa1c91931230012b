//! `fingerpost image`: the filter as an image that a gateway of Istio pulls.

use std::env;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use fingerpost_image::{
    Authorities, Credentials, Form, Image, Reference, Registry, layout, push, sha256_hex,
};
use fingerpost_input_files::{read_file, unreadable};
use fingerpost_manifests::ModuleLocation;
use fingerpost_terminal::messages::note;
use fingerpost_terminal::screen;

use crate::failure::Failure;
use crate::module;
use crate::output::{Artifact, Content, write};

/// Write or push the filter as an OCI image
///
/// For `manifests --istio`: Istio's agent pulls the image and hands the filter to Envoy. No daemon is needed. The same version of
/// fingerpost makes the same image, with the same digest, on every machine.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fingerpost image --push registry.example.com/team/fingerpost:1.0
  fingerpost image -o image && skopeo copy oci:image:compat docker://registry.example.com/team/fingerpost:1.0
  fingerpost image -o image && oras cp --from-oci-layout image:oci registry.example.com/team/fingerpost:1.0")]
pub(crate) struct ImageCommand {
    /// Directory for an OCI layout with both forms, named compat and oci
    #[arg(
        short = 'o',
        long = "output",
        value_name = "DIR",
        required_unless_present = "push"
    )]
    output: Option<PathBuf>,

    /// Push to a registry, with the credentials that `docker login` has stored. A registry on this machine (localhost) is used
    /// over plain HTTP, unless --ca is given
    #[arg(long, value_name = "REF")]
    push: Option<Reference>,

    /// Form of the image that is pushed
    #[arg(long, value_enum, default_value = "compat", requires = "push")]
    form: FormName,

    /// File with the certificates of the authorities that the registry's certificate must be signed by, in PEM form
    /// [default: the file that the variable SSL_CERT_FILE names, or the authorities that browsers trust]
    #[arg(long, value_name = "FILE", requires = "push")]
    ca: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormName {
    /// An image with one layer that holds plugin.wasm: every registry takes it
    Compat,
    /// An OCI artifact, whose layer is the module itself
    Oci,
}

impl ImageCommand {
    /// Runs the command. Prints the digest of each image on standard output.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (compat, oci) = (image(Form::Compat), image(Form::Oci));
        let mut out = screen::stdout();
        if let Some(directory) = &self.output {
            let files = layout(&[("compat", &compat), ("oci", &oci)]);
            let artifacts: Vec<Artifact<'_>> = files
                .iter()
                .map(|(name, content)| Artifact {
                    name,
                    content: Content::Bytes(content),
                    secret: false,
                })
                .collect();
            write(directory, &artifacts)?;
            note(format_args!("wrote {}", directory.display()));
            writeln!(out, "compat {}", compat.manifest.digest())?;
            writeln!(out, "oci    {}", oci.manifest.digest())?;
        }
        if let Some(reference) = &self.push {
            let image = match self.form {
                FormName::Compat => &compat,
                FormName::Oci => &oci,
            };
            let (credentials, authorities) = (credentials(&reference.registry), self.authorities(reference)?);
            let registry = Registry {
                credentials: credentials.as_ref(),
                authorities: authorities.as_ref(),
            };
            push(image, reference, registry)
                .map_err(|error| Failure::surroundings(format!("{reference}: {error}")))?;
            writeln!(out, "{reference}@{}", image.manifest.digest())?;
        }
        Ok(out.flush()?)
    }

    /// Those of --ca, or of the variable that OpenSSL and Go read too.
    fn authorities(&self, reference: &Reference) -> Result<Option<Authorities>, Failure> {
        let of_system = || env::var_os("SSL_CERT_FILE").filter(|_| !reference.is_local());
        let Some(path) = self.ca.clone().or_else(|| of_system().map(PathBuf::from)) else {
            return Ok(None);
        };
        let pem = read_file(&path).map_err(|error| unreadable(&path, &error))?;
        let authorities = Authorities::parse(&pem);
        let authorities =
            authorities.map_err(|error| Failure::refused(format!("{}: {error}", path.display())))?;
        Ok(Some(authorities))
    }
}

fn image(form: Form) -> Image {
    Image::new(form, module::bytes(), env!("CARGO_PKG_VERSION"))
}

/// What the gateway checks of the module: the digest of the image, or of the module itself if that comes from the web.
pub(crate) fn expected_sha256(module: &ModuleLocation) -> Option<String> {
    match module {
        ModuleLocation::Image { sha256, .. } => {
            let own = || image(Form::Compat).manifest.sha256;
            Some(sha256.clone().unwrap_or_else(own))
        }
        ModuleLocation::Web(_) => Some(sha256_hex(module::bytes())),
        ModuleLocation::File(_) => None,
    }
}

/// Those of Docker's configuration, if there are any.
fn credentials(registry: &str) -> Option<Credentials> {
    let folder = match env::var_os("DOCKER_CONFIG") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env::var_os("HOME")?).join(".docker"),
    };
    let config = fs::read_to_string(folder.join("config.json")).ok()?;
    Credentials::in_docker_config(&config, registry)
}
