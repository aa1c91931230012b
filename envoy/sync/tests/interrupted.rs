//! A change that is stopped between any two writes is finished by the next run, and at no time does Envoy have a filter that
//! chooses what it can't find.

#[allow(unreachable_pub)] // shared by the tests
mod support;

use std::cell::RefCell;
use std::rc::Rc;

use fingerpost_sync::{Applied, Folder, Sync, SyncError};
use fingerpost_xds::XdsFiles;
use support::{FakeEnvoy, TestDisk, files};
use tempfile::TempDir;

/// What follows on a change that was stopped.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// The same input.
    Same,
    /// The input was changed back.
    Back,
    /// The input was changed again.
    Other,
}

fn sync(folder: &TempDir, envoy: &Rc<RefCell<FakeEnvoy>>) -> Sync<TestDisk, support::Handle> {
    let opened = Folder::open(folder.path(), TestDisk::that_goes_on()).expect("a folder");
    Sync::new(opened, support::Handle(Rc::clone(envoy)))
}

/// Changes from `old` to `new` and stops after `writes` writes; none if that is more than the change needs.
fn stop_after(writes: u32, old: &XdsFiles, new: &XdsFiles) -> Option<(TempDir, Rc<RefCell<FakeEnvoy>>)> {
    let folder = tempfile::tempdir().expect("a folder");
    let envoy = Rc::new(RefCell::new(FakeEnvoy::new(folder.path())));
    let written = sync(&folder, &envoy).apply(old).expect("an empty folder");
    assert_eq!(written, Applied::Written);
    envoy.borrow_mut().start();
    let disk = TestDisk::that_stops_after(writes);
    let opened = Folder::open(folder.path(), disk);
    let result = opened
        .map_err(SyncError::Folder)
        .and_then(|it| Sync::new(it, support::Handle(Rc::clone(&envoy))).apply(new));
    match result {
        Ok(_) => None,
        Err(SyncError::Folder(_)) => Some((folder, envoy)),
        Err(SyncError::RolledBack(_)) => None,
        Err(other) => panic!("after {writes} writes: {other}"),
    }
}

#[test]
fn a_change_that_is_stopped_anywhere_is_finished_by_the_next_run() {
    let [one, two, three] = [1, 2, 3].map(files);
    for next in [Next::Same, Next::Back, Next::Other] {
        for restarts in [false, true] {
            let mut writes = 0;
            while let Some((folder, envoy)) = stop_after(writes, &one, &two) {
                if restarts {
                    envoy.borrow_mut().start();
                }
                let target = match next {
                    Next::Same => &two,
                    Next::Back => &one,
                    Next::Other => &three,
                };
                let mut sync = sync(&folder, &envoy);
                let applied = sync.apply(target);
                assert!(applied.is_ok(), "{next:?} after {writes} writes: {applied:?}");
                sync.remove_unused(target, std::time::Duration::ZERO)
                    .expect("it removes what is left");
                envoy.borrow().expect(target);
                support::expect_clean(folder.path());
                writes += 1;
            }
            assert!(writes > 15, "only {writes} writes were tried");
        }
    }
}

#[test]
fn a_change_that_is_rejected_and_stopped_anywhere_on_the_way_back_leaves_the_old_files() {
    let one = files(1);
    for rejected in ["listener", "cluster", "filter", "table"] {
        let bad = support::rejected(2, rejected);
        let mut writes = 0;
        while let Some((folder, envoy)) = stop_after(writes, &one, &bad) {
            let mut sync = sync(&folder, &envoy);
            let error = sync.apply(&bad).expect_err("it is rejected");
            let SyncError::RolledBack(cause) = &error else {
                panic!("{rejected}, after {writes} writes: {error}");
            };
            assert!(cause.to_string().contains("rejects"), "{cause}");
            envoy.borrow().expect(&one);
            support::expect_clean(folder.path());
            // And a good change is taken from there.
            let three = files(3);
            sync.apply(&three).expect("a good change");
            sync.remove_unused(&three, std::time::Duration::ZERO)
                .expect("it removes what is left");
            envoy.borrow().expect(&three);
            writes += 1;
        }
        assert!(writes > 5, "{rejected}: only {writes} writes were tried");
    }
}

#[test]
fn a_rejection_changes_nothing_and_is_not_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let envoy = Rc::new(RefCell::new(FakeEnvoy::new(folder.path())));
    let mut sync = sync(&folder, &envoy);
    let one = files(1);
    sync.apply(&one).expect("an empty folder");
    envoy.borrow_mut().start();
    for _ in 0..2 {
        let error = sync
            .apply(&support::rejected(2, "filter"))
            .expect_err("it is rejected");
        assert!(matches!(error, SyncError::RolledBack(_)), "{error}");
        envoy.borrow().expect(&one);
    }
    assert_eq!(sync.apply(&one).expect("as before"), Applied::Unchanged);
}

#[test]
fn files_of_compile_are_taken_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (files(1), files(2));
    for file in one.files() {
        std::fs::write(folder.path().join(&file.name), &file.content).expect("a file");
    }
    let envoy = Rc::new(RefCell::new(FakeEnvoy::new(folder.path())));
    envoy.borrow_mut().start();
    let mut sync = sync(&folder, &envoy);
    assert!(matches!(sync.apply(&two), Ok(Applied::Changed(_))));
    sync.remove_unused(&two, std::time::Duration::ZERO)
        .expect("it removes what is left");
    envoy.borrow().expect(&two);
    support::expect_clean(folder.path());
}

#[test]
fn a_folder_has_one_process_that_changes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Folder::open(folder.path(), TestDisk::that_goes_on()).expect("a folder");
    let second = Folder::open(folder.path(), TestDisk::that_goes_on()).expect_err("it is in use");
    assert!(second.to_string().contains("another process"), "{second}");
    drop(first);
    Folder::open(folder.path(), TestDisk::that_goes_on()).expect("it is free again");
}

#[test]
fn an_envoy_that_reads_other_files_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let envoy = Rc::new(RefCell::new(FakeEnvoy::new(folder.path())));
    let mut sync = sync(&folder, &envoy);
    sync.apply(&files(1)).expect("an empty folder");
    // It was never started with these files.
    let error = sync.apply(&files(2)).expect_err("it has nothing of them");
    assert!(matches!(error, SyncError::OutOfSync(_)), "{error}");
}
