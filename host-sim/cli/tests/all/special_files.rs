//! FIFOs, devices, sockets and links that lead nowhere: in a directory, and by name.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use crate::run::{Folder, serve_until_ready, shop};

const TEST: &str = "tests:\n- {name: a, request: GET http://shop.example.com/old, expect: {status: 301}}\n";

/// A FIFO that gives `content` to its first reader.
fn fifo(folder: &Folder, name: &str, content: &str) {
    let (path, content) = (folder.join(name), content.to_owned());
    let status = Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
    assert!(status.success());
    // Waits for a reader, until the tests end if there is none.
    thread::spawn(move || fs::write(path, content));
}

/// A directory `d` with `shop.yaml`, its test, and everything that is no regular file.
fn folder() -> Folder {
    let folder = Folder::with("d/shop.yaml", &shop());
    folder.write("d/shop.test.yaml", TEST);
    for name in [
        "d/fifo.yaml",
        "d/fifo.textpb",
        "d/fifo.test.yaml",
        "d/.hidden.yaml",
        "d/notes.txt",
    ] {
        fifo(&folder, name, "kind: [");
    }
    drop(UnixListener::bind(folder.join("d/socket.yaml")).expect("a socket"));
    for (target, link) in [
        ("nothing", "d/dangling.yaml"),
        ("nothing", "d/dangling.txt"),
        ("itself.yaml", "d/itself.yaml"),
        ("/dev/zero", "d/device.yaml"),
        ("..", "d/sub/loop"),
        ("../shop.yaml", "d/sub/linked.yaml"),
    ] {
        let link = folder.join(link);
        fs::create_dir_all(link.parent().expect("a directory")).expect("a directory");
        symlink(target, link).expect("a link");
    }
    folder
}

#[test]
fn of_a_directory_only_regular_files_are_read_and_the_rest_is_named_once() {
    let folder = folder();
    for command in [
        "compile -f d -o out --all",
        "routes -f d --all",
        "test d --all",
        "test d -f d --coverage --all",
    ] {
        let ended = folder.run(command);
        ended.check(0, &[]);
        for what in [
            "d/fifo.yaml (a FIFO)",
            "d/fifo.test.yaml (a FIFO)",
            "d/socket.yaml (a socket)",
            "d/device.yaml (a device)",
            "d/dangling.yaml (a link to nothing)",
            "d/itself.yaml (a link to itself)",
            "d/sub/loop (a link to a directory around it)",
        ] {
            assert_eq!(
                ended.stderr.matches(what).count(),
                1,
                "{command}: {what}: {}",
                ended.stderr
            );
        }
        for name in ["hidden", "notes", "dangling.txt", "linked"] {
            assert!(!ended.stderr.contains(name), "{command}: {}", ended.stderr);
        }
        assert_eq!(
            ended.stderr.matches("left out, as only").count(),
            1,
            "{command}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_directory_that_is_watched_is_no_exception() {
    let folder = folder();
    serve_until_ready(folder.command("serve -f d"), || {});
}

#[test]
fn a_fifo_is_read_by_name() {
    let folder = Folder::new();
    fifo(&folder, "fifo", &shop());
    folder.run("routes -f fifo").check(0, &[]);
    // As a shell writes `-f <(kustomize build)`.
    folder.run_with("routes -f /dev/stdin", &shop()).check(0, &[]);
}

#[test]
fn what_has_no_end_is_not_read_until_memory_ends() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write("a.test.yaml", TEST);
    let zero = PathBuf::from("/dev/zero");
    for command in [
        "routes -f /dev/zero",
        "request -f shop.yaml --requests /dev/zero",
        "test /dev/zero -f shop.yaml",
    ] {
        folder.run(command).check(2, &["/dev/zero", "more than 256 MiB"]);
    }
    let output = folder
        .command("routes -f -")
        .stdin(fs::File::open(zero).expect("a device"))
        .output()
        .expect("the command runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("more than 256 MiB"));
}
