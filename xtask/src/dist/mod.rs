//! What people install: for each target an archive with the command and what belongs to it, an SBOM, and checksums.
//!
//! The binaries are static (musl), so they run on any Linux of their architecture. Zig is the C compiler and linker: it
//! builds for all targets alike. What the tools are pinned to is in `setup`.

mod archive;
mod licences;

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

/// A command that was built for a target.
struct Binary {
    target: String,
    path: PathBuf,
    /// What starts it on this machine: nothing, or an emulator. `None` if nothing here does.
    runner: Option<Vec<String>>,
}

/// Builds the archives in `dist` of the target folder.
pub(crate) fn run(workspace: &Workspace, targets: &[&str]) -> Result<(), Failure> {
    let targets = if targets.is_empty() { &TARGETS } else { targets };
    for target in targets {
        setup::rust_target(workspace, target)?;
    }
    let zig = setup::zig(workspace)?;
    let cyclonedx = setup::cargo_cyclonedx(workspace)?;
    build::filters(workspace)?;
    let binaries = targets
        .iter()
        .map(|target| binary(workspace, &zig, target))
        .collect::<Result<Vec<_>, _>>()?;

    let dist = workspace.target.join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).map_err(|error| Failure::file(&dist, &error))?;
    }
    fs::create_dir_all(&dist).map_err(|error| Failure::file(&dist, &error))?;
    let version = workspace.version(build::COMMAND)?;
    let time = source_date(workspace)?;
    let generated = generated(&binaries, &dist)?;
    let mut files = Vec::new();
    for binary in &binaries {
        let name = format!("fingerpost-{version}-{}", binary.target);
        let mut archive = Archive::new(&name, time);
        archive.add_program("fingerpost", &binary.path)?;
        for file in ["CHANGELOG.md", "LICENSE", "README.md"] {
            archive.add_file(file, &workspace.root.join(file))?;
        }
        archive.add_text(
            "THIRD-PARTY-LICENSES.txt",
            &licences::all(workspace, &binary.target)?,
        );
        archive.add_folder(&generated)?;
        files.push(archive.write(&dist)?);
        files.push(sbom(
            workspace,
            &cyclonedx,
            &dist.join(format!("{name}.cdx.json")),
            binary,
            time,
        )?);
    }
    fs::remove_dir_all(&generated).map_err(|error| Failure::file(&generated, &error))?;
    files.push(archive::checksums(&dist, &files)?);
    for file in &files {
        say("dist", workspace.shown(file));
    }
    Ok(())
}

/// Builds the command for a target, with machine code in it if this machine can make that.
fn binary(workspace: &Workspace, zig: &Zig, target: &str) -> Result<Binary, Failure> {
    let folder = workspace.target.join(target).join("release");
    let runner = runner(target);
    match &runner {
        Some(runner) => {
            let mut cargo = zigbuild(workspace, zig, target)?;
            run_to_end(
                cargo.args(["--example", build::PRECOMPILE]),
                "what compiles the module does not build",
            )?;
            let tool = folder.join("examples").join(build::PRECOMPILE);
            build::machine_code(workspace, target, with(runner, &tool))?;
        }
        None => say(
            "note",
            format_args!(
                "nothing here runs programs for {target}: install qemu-user to put machine code into the command and to try it"
            ),
        ),
    }
    say("build", format_args!("the command for {target}"));
    run_to_end(
        &mut zigbuild(workspace, zig, target)?,
        "the fingerpost command does not build",
    )?;
    let path = folder.join("fingerpost");
    if let Some(runner) = &runner {
        run_to_end(with(runner, &path).arg("--version"), "the command does not run")?;
    }
    Ok(Binary {
        target: target.to_owned(),
        path,
        runner,
    })
}

/// The release build of the command's package for a target, as cargo-zigbuild runs it.
fn zigbuild(workspace: &Workspace, zig: &Zig, target: &str) -> Result<Command, Failure> {
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
fn generated(binaries: &[Binary], dist: &Path) -> Result<PathBuf, Failure> {
    let one = binaries
        .iter()
        .find_map(|binary| Some((binary, binary.runner.as_ref()?)));
    let (binary, runner) = one.ok_or_else(|| {
        let message = "completions and manual pages are printed by the command: name a target that runs on this machine too";
        Failure::Usage(message.to_owned())
    })?;
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

/// Writes the SBOM of a binary, in CycloneDX's JSON.
fn sbom(
    workspace: &Workspace,
    cyclonedx: &Path,
    path: &Path,
    binary: &Binary,
    time: u64,
) -> Result<PathBuf, Failure> {
    let mut command = Command::new(cyclonedx);
    command
        .current_dir(&workspace.root)
        .env("SOURCE_DATE_EPOCH", time.to_string());
    command.args([
        "cyclonedx",
        "--quiet",
        "--format",
        "json",
        "--spec-version",
        "1.5",
        "--no-build-deps",
    ]);
    command.args([
        "--manifest-path",
        "host-sim/cli/Cargo.toml",
        "--target",
        &binary.target,
    ]);
    // It writes a file beside the manifest of every crate in the workspace.
    command.args(["--override-filename", "sbom.cdx"]);
    run_to_end(&mut command, "the SBOM cannot be made")?;
    for folder in workspace.package_folders()? {
        let written = folder.join("sbom.cdx.json");
        if folder.ends_with("host-sim/cli") {
            fs::copy(&written, path).map_err(|error| Failure::file(&written, &error))?;
        }
        let _ = fs::remove_file(&written); // not every crate has one
    }
    Ok(path.to_owned())
}

/// The time that all files get: `SOURCE_DATE_EPOCH`, or that of the last commit, so that equal sources make equal archives.
fn source_date(workspace: &Workspace) -> Result<u64, Failure> {
    let text = match env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => {
            let mut git = Command::new("git");
            git.args(["log", "-1", "--format=%ct"])
                .current_dir(&workspace.root);
            String::from_utf8_lossy(&printed(&mut git)?).into_owned()
        }
    };
    text.trim().parse().map_err(|_| {
        Failure::Surroundings(format!(
            "`{}` is not a time: set SOURCE_DATE_EPOCH to seconds since 1970",
            text.trim()
        ))
    })
}
