//! Completion scripts, manual pages and schemas agree with `--help`.

use std::process::Command;

use crate::run::Folder;

/// The commands that `fingerpost --help` lists.
fn commands(folder: &Folder) -> Vec<String> {
    let help = folder.run("--help").check(0, &[]).stdout.clone();
    let (_, list) = help.split_once("Commands:\n").expect("a list of commands");
    let (list, _) = list.split_once("\n\n").expect("an end of the list");
    let names = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    let names: Vec<String> = names.filter(|name| *name != "help").map(str::to_owned).collect();
    assert!(names.len() >= 7, "{names:?}");
    names
}

/// The long options that a command's `--help` names at the start of a line.
fn options(folder: &Folder, command: &str) -> Vec<String> {
    let help = folder
        .run(&format!("{command} --help"))
        .check(0, &[])
        .stdout
        .clone();
    let lines = help
        .lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with('-'));
    let words = lines.flat_map(|line| line.split([' ', ',', '=', '[']).take(3));
    let mut options: Vec<String> = words
        .filter(|word| word.starts_with("--"))
        .map(str::to_owned)
        .collect();
    options.sort();
    options.dedup();
    options
}

#[test]
fn every_shell_gets_a_script_with_all_commands() {
    let folder = Folder::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = folder
            .run(&format!("completions {shell}"))
            .check(0, &[])
            .stdout
            .clone();
        for command in commands(&folder) {
            assert!(script.contains(&command), "{shell}: {command}");
        }
        assert!(
            !script.contains("remove-after"),
            "{shell} offers a hidden command"
        );
    }
    folder
        .run("completions tcsh")
        .check(2, &["possible values: bash"]);
}

#[test]
fn bash_completes_commands_and_options() {
    let folder = Folder::new();
    folder.write("script", &folder.run("completions bash").stdout);
    let complete = |before: &str, word: &str| {
        let script = format!(
            "source ./script && COMP_WORDS=({before} {word}) COMP_CWORD={} && _fingerpost fingerpost {word} '' && echo ${{COMPREPLY[@]}}",
            before.split(' ').count()
        );
        let mut bash = Command::new("bash");
        let output = bash.args(["-c", &script]).current_dir(folder.path()).output();
        let offered = output.expect("bash runs").stdout;
        String::from_utf8(offered).expect("text").trim().to_owned()
    };
    assert_eq!(complete("fingerpost", "exp"), "explain");
    assert_eq!(complete("fingerpost compile", "--str"), "--strict");
}

#[test]
fn every_command_has_a_manual_page_with_its_options() {
    let folder = Folder::new();
    folder.run("man -o pages").check(0, &[]);
    let mut expected: Vec<String> = commands(&folder)
        .iter()
        .map(|name| format!("fingerpost-{name}.1"))
        .collect();
    expected.push("fingerpost.1".to_owned());
    expected.sort();
    assert_eq!(folder.list("pages"), expected);

    let version = format!("\"fingerpost {}\"", env!("CARGO_PKG_VERSION"));
    for command in commands(&folder) {
        let page = folder.read(&format!("pages/fingerpost-{command}.1"));
        assert!(page.contains(&version), "{page}");
        let found = options(&folder, &command);
        assert!(found.contains(&"--help".to_owned()), "{command}: {found:?}");
        for option in found {
            let written = option.replace('-', "\\-");
            assert!(
                page.contains(&written),
                "{option} is not in the page of {command}:\n{page}"
            );
        }
        assert_eq!(folder.run(&format!("man {command}")).check(0, &[]).stdout, page);
    }
    assert_eq!(
        folder.run("man").check(0, &[]).stdout,
        folder.read("pages/fingerpost.1")
    );
    folder.run("man explian").check(2, &["no command `explian`"]);
    folder
        .run("man explain -o pages")
        .check(2, &["cannot be used with"]);
}

#[test]
fn every_listed_schema_is_printed() {
    let folder = Folder::new();
    let list = folder.run("schema").check(0, &[]).stdout.clone();
    let names: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.contains(&"test"), "{list}");
    for name in names {
        let schema = folder.run(&format!("schema {name}")).check(0, &[]).stdout.clone();
        let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
        assert_eq!(
            schema["$schema"], "https://json-schema.org/draft/2020-12/schema",
            "{name}"
        );
    }
    folder.run("schema tests").check(2, &["possible values: test"]);
}
