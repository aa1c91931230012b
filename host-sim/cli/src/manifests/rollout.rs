//! `fingerpost manifests --istio --first-install` and `--previous`: the steps that lose no request.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use fingerpost_config_compiler::{Compilation, Compiled, Engine, Options, compile};
use fingerpost_input_files::{read_named, unreadable};
use fingerpost_manifests::istio::{Change, Previous};
use fingerpost_resources::Diagnostics;
use fingerpost_terminal::messages::note;

use super::Set;
use crate::args::Input;
use crate::failure::Failure;

/// Where the files of the steps are in the output directory: apart, so that `kubectl apply -f DIR` leaves them out.
const FIRST_INSTALL: &str = "first-install";
const UPDATE: &str = "update";

#[derive(Debug, Args)]
#[command(next_help_heading = "Istio")]
pub(super) struct RolloutArgs {
    /// Write the steps of a first install too, to be applied one after the other: no request is lost on the way
    #[arg(
        long,
        conflicts_with_all = ["previous", "compose", "kubernetes", "envoy_gateway"],
        requires = "output"
    )]
    first_install: bool,

    /// Manifests that the gateway runs now, to write the steps of an update too: a file, a directory, or - for what `kubectl get
    /// -o yaml` prints
    #[arg(
        long,
        value_name = "FILE|DIR|-",
        conflicts_with_all = ["compose", "kubernetes", "envoy_gateway"],
        requires = "output"
    )]
    previous: Option<PathBuf>,
}

/// Which steps are wanted.
pub(super) enum Wanted {
    FirstInstall,
    Update(Previous),
}

impl RolloutArgs {
    /// Which steps are wanted; none for the manifests alone.
    pub(super) fn wanted(&self, input: &Input) -> Result<Option<Wanted>, Failure> {
        match &self.previous {
            Some(path) => {
                let is_standard_input = |it: &PathBuf| it.as_os_str() == "-";
                if is_standard_input(path) && input.files.iter().any(is_standard_input) {
                    return Err(Failure::refused(
                        "-f and --previous can't both be standard input: write one of them into a file",
                    ));
                }
                Ok(Some(Wanted::Update(read_previous(path)?)))
            }
            None => Ok(self.first_install.then_some(Wanted::FirstInstall)),
        }
    }
}

impl Wanted {
    pub(super) fn change(&self) -> Change<'_> {
        match self {
            Self::FirstInstall => Change::FirstInstall,
            Self::Update(previous) => Change::Update(previous),
        }
    }

    /// The folder of the steps.
    pub(super) fn folder(&self) -> &'static str {
        match self {
            Self::FirstInstall => FIRST_INSTALL,
            Self::Update(_) => UPDATE,
        }
    }
}

/// The manifests of a file, or of the YAML files of a directory.
fn read_previous(path: &Path) -> Result<Previous, Failure> {
    let mut previous = Previous::default();
    for file in files(path)? {
        let name = file.display().to_string();
        let bytes = read_named(&name).map_err(|error| unreadable(&file, &error))?;
        let text = String::from_utf8(bytes)
            .map_err(|error| Failure::refused(format!("{name}: {}", error.utf8_error())))?;
        previous
            .add(&name, &text)
            .map_err(|error| Failure::refused(error.to_string()))?;
    }
    Ok(previous)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    // As `kubectl apply -f` reads it: not the folders in it, where the steps are.
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        let file = entry.map_err(|error| unreadable(path, &error))?.path();
        let is_yaml = file.extension().is_some_and(|it| it == "yaml" || it == "yml");
        if is_yaml && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// What the same resources come to for an Envoy without the filter. Its findings are those of the compilation.
pub(super) fn native(one: &Compilation) -> Compiled {
    let options = Options {
        engine: Engine::Native,
        ..one.options.clone()
    };
    compile(&one.resources, &options, &mut Diagnostics::new())
}

/// Says in which order the files are applied.
pub(super) fn note_order(directory: &Path, folder: &str, sets: &[Set]) {
    let mut commands: Vec<String> = sets
        .iter()
        .flat_map(|set| set.step_paths(folder))
        .map(|path| {
            format!(
                "kubectl apply --server-side -f {}",
                directory.join(path).display()
            )
        })
        .collect();
    commands.push(format!("kubectl apply --server-side -f {}", directory.display()));
    let unused = sets.iter().flat_map(|set| &set.unused);
    commands.extend(unused.map(|it| format!("kubectl delete {it}")));
    note(format_args!(
        "to lose no request, apply the files in this order, and wait after each until every gateway has it \
         (docs/deploy/istio.md says how to see that):\n  {}",
        commands.join("\n  ")
    ));
}
