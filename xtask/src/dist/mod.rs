//! What people install: for each target an archive with the command and what belongs to it, an SBOM, and checksums.
//!
//! The binaries are static (musl), so they run on any Linux of their architecture. Zig is the C compiler and linker: it
//! builds for all targets alike. What the tools are pinned to is in `setup`.

mod archive;
mod crates;
mod licences;
mod sbom;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::build;
use crate::failure::Failure;
use crate::setup::{self, Zig};
use crate::workspace::{Workspace, run as run_to_end, say};
use archive::Archive;

/// What is built unless the user names targets.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

/// The shells that completions are made for, and what the file of each is called.
const COMPLETIONS: [(&str, &str); 5] = [
    ("bash", "fingerpost.bash"),
    ("elvish", "fingerpost.elv"),
    ("fish", "fingerpost.fish"),
    ("powershell", "_fingerpost.ps1"),
    ("zsh", "_fingerpost"),
];

/// A target, and how its programs are started here.
#[derive(Debug)]
struct Target<'a> {
    triple: &'a str,
    /// What starts them: nothing, or an emulator. `None` if nothing here does.
    runner: Option<Vec<String>>,
}

/// A command that was built for a target.
struct Binary<'a> {
    target: Target<'a>,
    path: PathBuf,
}

/// Builds the archives in `dist` of the target folder.
pub(crate) fn run(workspace: &Workspace, targets: &[&str]) -> Result<(), Failure> {
    // What can be wrong with the environment is checked first: the builds take many minutes.
    let targets = plan(if targets.is_empty() { &TARGETS } else { targets })?;
    let time = source_date(workspace)?;
    for target in &targets {
        setup::rust_target(workspace, target.triple)?;
    }
    let zig = setup::zig(workspace)?;
    build::filters(workspace)?;
    let binaries = targets
        .into_iter()
        .map(|target| binary(workspace, &zig, target, time))
        .collect::<Result<Vec<_>, _>>()?;

    let dist = workspace.target.join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).map_err(|error| Failure::file(&dist, &error))?;
    }
    fs::create_dir_all(&dist).map_err(|error| Failure::file(&dist, &error))?;
    let release = Release {
        version: workspace.version(build::COMMAND)?,
        time,
        generated: generated(&binaries, &dist)?,
    };
    let mut files = Vec::new();
    for binary in &binaries {
        files.extend(release.write(workspace, &dist, binary)?);
    }
    fs::remove_dir_all(&release.generated).map_err(|error| Failure::file(&release.generated, &error))?;
    files.push(archive::checksums(&dist, &files)?);
    for file in &files {
        say("dist", workspace.shown(file));
    }
    Ok(())
}

/// Finds out how programs of each target are started. One must start here: it prints the completions and the manual.
fn plan<'a>(targets: &[&'a str]) -> Result<Vec<Target<'a>>, Failure> {
    let target = |triple: &&'a str| Target {
        triple,
        runner: runner(triple),
    };
    let targets: Vec<_> = targets.iter().map(target).collect();
    if targets.iter().all(|target| target.runner.is_none()) {
        return Err(Failure::Usage(format!(
            "no program for {} can be started here, and the command must print its own completions and manual pages: name a \
             target of this machine too, or install qemu-user",
            targets
                .iter()
                .map(|target| target.triple)
                .collect::<Vec<_>>()
                .join(", ")
        )));
    }
    Ok(targets)
}

/// What is the same for all targets.
struct Release {
    version: String,
    /// The time that all files get, in seconds since 1970.
    time: u64,
    /// The folder of what the command prints for shells, manuals and editors.
    generated: PathBuf,
}

impl Release {
    /// Writes the archive of a binary and its SBOM.
    fn write(&self, workspace: &Workspace, dist: &Path, binary: &Binary) -> Result<[PathBuf; 2], Failure> {
        let name = format!("fingerpost-{}-{}", self.version, binary.target.triple);
        let crates = crates::linked(workspace, binary.target.triple)?;
        let mut archive = Archive::new(&name, self.time);
        archive.add_program("fingerpost", &binary.path)?;
        for file in ["CHANGELOG.md", "LICENSE", "README.md"] {
            archive.add_file(file, &workspace.root.join(file))?;
        }
        archive.add_text("THIRD-PARTY-LICENSES.txt", &licences::all(&crates)?);
        archive.add_folder(&self.generated)?;

        let subject = sbom::Subject {
            name: &name,
            target: binary.target.triple,
            version: &self.version,
            sha256: &archive::sha256(&binary.path)?,
            time: self.time,
            rust: &build::rustc("release")?,
        };
        let document = sbom::document(&subject, &crates, &workspace.locked_checksums()?)?;
        let path = dist.join(format!("{name}.cdx.json"));
        fs::write(&path, format!("{document:#}\n")).map_err(|error| Failure::file(&path, &error))?;
        Ok([archive.write(dist)?, path])
    }
}

/// Builds the command for a target, with machine code in it if this machine can make that.
fn binary<'a>(
    workspace: &Workspace,
    zig: &Zig,
    target: Target<'a>,
    time: u64,
) -> Result<Binary<'a>, Failure> {
    let triple = target.triple;
    let folder = workspace.target.join(triple).join("release");
    match &target.runner {
        Some(runner) => {
            let mut cargo = zigbuild(workspace, zig, triple, time)?;
            run_to_end(
                cargo.args(["--example", build::PRECOMPILE]),
                "what compiles the module does not build",
            )?;
            let tool = folder.join("examples").join(build::PRECOMPILE);
            build::machine_code(workspace, triple, with(runner, &tool))?;
        }
        None => say(
            "note",
            format_args!(
                "nothing here runs programs for {triple}: install qemu-user to put machine code into the command and to try it"
            ),
        ),
    }
    say("build", format_args!("the command for {triple}"));
    run_to_end(
        &mut zigbuild(workspace, zig, triple, time)?,
        "the fingerpost command does not build",
    )?;
    let path = folder.join("fingerpost");
    if let Some(runner) = &target.runner {
        run_to_end(with(runner, &path).arg("--version"), "the command does not run")?;
    }
    Ok(Binary { target, path })
}

/// The release build of the command's package for a target, as cargo-zigbuild runs it.
fn zigbuild(workspace: &Workspace, zig: &Zig, target: &str, time: u64) -> Result<Command, Failure> {
    let mut cargo = zig.cargo_zigbuild();
    cargo.current_dir(&workspace.root);
    cargo.args([
        "zigbuild",
        "--release",
        "--locked",
        "--target",
        target,
        "--package",
        build::COMMAND,
    ]);
    build::without_paths(workspace, &mut cargo)?;
    // C compilers take it for the time of the build, which mimalloc has in a message.
    cargo.env("SOURCE_DATE_EPOCH", time.to_string());
    Ok(cargo)
}

/// What starts programs of a target here: nothing for this machine's own architecture, qemu for others if it is installed.
fn runner(target: &str) -> Option<Vec<String>> {
    if !cfg!(target_os = "linux") || !target.contains("-linux-") {
        return None;
    }
    let architecture = target.split('-').next()?;
    if architecture == env::consts::ARCH {
        return Some(Vec::new());
    }
    let names = ["", "-static"].map(|end| format!("qemu-{architecture}{end}"));
    let found = names
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok());
    found.map(|name| vec![name])
}

fn with(runner: &[String], program: &Path) -> Command {
    match runner {
        [] => Command::new(program),
        [emulator, arguments @ ..] => {
            let mut command = Command::new(emulator);
            command.args(arguments).arg(program);
            command
        }
    }
}

/// What the command itself prints for people's shells, manuals and editors: the same for all targets.
fn generated(binaries: &[Binary<'_>], dist: &Path) -> Result<PathBuf, Failure> {
    let one = binaries
        .iter()
        .find_map(|binary| Some((binary, binary.target.runner.as_ref()?)));
    let (binary, runner) = one.ok_or_else(|| Failure::Usage("no target runs here".to_owned()))?;
    let fingerpost = |arguments: &[&str]| {
        let mut command = with(runner, &binary.path);
        command.args(arguments);
        printed(&mut command)
    };
    let folder = dist.join("generated");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all);
        written
            .and_then(|()| fs::write(&path, bytes))
            .map_err(|error| Failure::file(&path, &error))
    };
    for (shell, name) in COMPLETIONS {
        write(
            &format!("completions/{name}"),
            &fingerpost(&["completions", shell])?,
        )?;
    }
    let schemas = fingerpost(&["schema"])?;
    let schemas = String::from_utf8_lossy(&schemas);
    for name in schemas.lines().filter_map(|line| line.split_whitespace().next()) {
        write(
            &format!("schemas/{name}.schema.json"),
            &fingerpost(&["schema", name])?,
        )?;
    }
    let pages = folder.join("man/man1");
    fingerpost(&["man", "-o", &pages.to_string_lossy()])?;
    Ok(folder)
}

fn printed(command: &mut Command) -> Result<Vec<u8>, Failure> {
    let output = command
        .output()
        .map_err(|error| Failure::Surroundings(error.to_string()))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(Failure::Found(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        )),
    }
}

/// The time that all files get: `SOURCE_DATE_EPOCH`, or that of the last commit, so that equal sources make equal archives.
fn source_date(workspace: &Workspace) -> Result<u64, Failure> {
    if let Ok(text) = env::var("SOURCE_DATE_EPOCH") {
        return seconds(&text);
    }
    let mut git = Command::new("git");
    git.args(["log", "-1", "--format=%ct"])
        .current_dir(&workspace.root);
    let unknown = |reason| {
        Failure::Surroundings(format!(
            "the time of the last commit is unknown: set SOURCE_DATE_EPOCH to seconds since 1970 ({reason})"
        ))
    };
    let time = printed(&mut git).map_err(unknown)?;
    seconds(&String::from_utf8_lossy(&time))
}

fn seconds(text: &str) -> Result<u64, Failure> {
    let text = text.trim();
    let invalid = |_| {
        Failure::Surroundings(format!(
            "invalid SOURCE_DATE_EPOCH `{text}`: expected seconds since 1970"
        ))
    };
    text.parse().map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_which_none_runs_here_are_refused_before_anything_is_built() {
        let refused = plan(&["wasm32-wasip1", "aarch64-apple-darwin"]).expect_err("neither runs on Linux");
        assert_eq!(refused.code(), 2, "{refused}");
        assert!(refused.to_string().contains("aarch64-apple-darwin"), "{refused}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn one_target_that_runs_here_is_enough() {
        let here = format!("{}-unknown-linux-musl", env::consts::ARCH);
        let targets = plan(&["aarch64-apple-darwin", &here]).expect("one runs here");
        let runners: Vec<_> = targets.iter().map(|target| target.runner.as_deref()).collect();
        assert_eq!(runners, [None, Some([].as_slice())]);
    }

    #[test]
    fn a_time_is_a_number_of_seconds() {
        assert_eq!(seconds("1700000000\n").ok(), Some(1_700_000_000));
        for text in ["", "yesterday", "-1", "2026-01-01"] {
            let refused = seconds(text).expect_err(text);
            assert_eq!(refused.code(), 5, "{refused}");
        }
    }
}
