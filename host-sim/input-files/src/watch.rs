//! Tells when files change, for those who show at once what a saved file makes of things.
//!
//! A change is one of names or content: a file that is saved as it was is none, and the many events of an editor that
//! saves are one. The caller reads the files again.
//!
//! The system's notices say when to look. They don't come from every file system (network, containers, WSL), so it is
//! looked every two seconds as well.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use fingerpost_renderers::{Kustomization, Tool, as_argument, normal};
use fingerpost_resources::Source;
use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use walkdir::WalkDir;

use crate::bytes::read_file;
use crate::folder::is_read;
use crate::rendered::Render;

/// How often it is asked whether to stop.
const TICK: Duration = Duration::from_millis(50);
/// Events that follow each other within this time are one change.
const QUIET: Duration = Duration::from_millis(60);
/// Rescan after this long even if events keep coming.
const RESTLESS: Duration = Duration::from_secs(1);
/// Rescan interval without events.
const LOOK: Duration = Duration::from_secs(2);

/// Files and directories that are watched.
pub struct Watch {
    paths: Vec<PathBuf>,
    seen: u64,
    notices: Notices,
}

/// Why [`Watch::wait`] came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Files have changed, come or gone.
    Changed,
    /// The user has enough.
    Stopped,
    /// It is the time that the caller named.
    Due,
}

/// What the system tells.
struct Notices {
    /// None where the system tells nothing.
    watcher: Option<RecommendedWatcher>,
    events: Receiver<()>,
    /// So that the channel stays open without a watcher.
    _sender: Sender<()>,
}

impl Watch {
    /// Watches from now on. Of directories everything below counts that may hold resources or tests of them; standard
    /// input (`-`) never changes.
    pub fn start(paths: &[PathBuf]) -> Self {
        let paths: Vec<PathBuf> = paths.iter().filter(|it| it.as_os_str() != "-").cloned().collect();
        let mut notices = Notices::open();
        notices.expect(&paths);
        Self {
            seen: fingerprint(&paths),
            paths,
            notices,
        }
    }

    /// Watches these instead, from now on, if they are others.
    pub fn follow(&mut self, paths: &[PathBuf]) {
        if self.paths != paths {
            *self = Self::start(paths);
        }
    }

    /// Waits for a change since the last time, or since the start, or until it is to stop.
    pub fn wait(&mut self, is_stopped: impl Fn() -> bool) -> Wake {
        self.wait_until(None, is_stopped)
    }

    /// The same, at most until `due`.
    pub fn wait_until(&mut self, due: Option<Instant>, is_stopped: impl Fn() -> bool) -> Wake {
        let mut looked = Instant::now();
        loop {
            if is_stopped() {
                return Wake::Stopped;
            }
            if due.is_some_and(|it| it <= Instant::now()) {
                return Wake::Due;
            }
            let has_news = self.notices.within(TICK);
            if !has_news && looked.elapsed() < LOOK {
                continue;
            }
            if has_news {
                self.notices.calm_down();
            }
            looked = Instant::now();
            let now = fingerprint(&self.paths);
            if now != self.seen {
                self.seen = now;
                self.notices.expect(&self.paths); // a directory may have been created again
                return Wake::Changed;
            }
        }
    }
}

impl Notices {
    fn open() -> Self {
        let (sender, events) = channel();
        let sink = sender.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.is_ok_and(|it| tells_of_a_change(it.kind)) {
                let _ = sink.send(()); // the receiver may be gone at the end
            }
        });
        Self {
            watcher: watcher.ok(),
            events,
            _sender: sender,
        }
    }

    /// Asks for notices of these. Where that fails, looking now and then must do.
    fn expect(&mut self, paths: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        for path in paths {
            if path.is_dir() {
                let _ = watcher.watch(path, RecursiveMode::Recursive);
            }
            // Editors put a new file in the old one's place: the directory tells of that, not the file.
            let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
            let _ = watcher.watch(parent.unwrap_or(Path::new(".")), RecursiveMode::NonRecursive);
        }
    }

    fn within(&self, patience: Duration) -> bool {
        match self.events.recv_timeout(patience) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }

    /// Waits until no more of them come.
    fn calm_down(&self) {
        let started = Instant::now();
        while started.elapsed() < RESTLESS && self.within(QUIET) {}
    }
}

/// Reading a file is an event too.
fn tells_of_a_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

/// A number that changes with names and content.
fn fingerprint(paths: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        for file in files_of(path) {
            file.hash(&mut hasher);
            read_file(&file).ok().hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// A file, or those of a folder that may change what is read from it.
fn files_of(path: &Path) -> impl Iterator<Item = PathBuf> {
    let is_template = |it: &Path| it.extension().is_some_and(|it| it == "tpl");
    let counts = move |it: &Path| is_read(it) || is_template(it) || Tool::of(it).is_some();
    WalkDir::new(path)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|it| it.depth() == 0 || !it.file_name().to_string_lossy().starts_with('.'))
        .flatten()
        .filter(move |it| it.file_type().is_file() && (it.depth() == 0 || counts(it.path())))
        .map(walkdir::DirEntry::into_path)
}

/// All that decides what is read from `files`: these, what tools add to them, and the settings.
pub fn watched_paths(files: &[PathBuf], render: &Render, settings: Option<PathBuf>) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = files.to_vec();
    if render.kustomize {
        paths.extend(taken_elsewhere(files));
    }
    if render.helm {
        paths.extend(render.helm_values.iter().cloned());
    }
    paths.extend(settings);
    paths
}

/// What the kustomizations below `paths` take from elsewhere, and what those take in turn.
fn taken_elsewhere(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut taken: Vec<PathBuf> = Vec::new();
    let mut next = paths.to_vec();
    while let Some(path) = next.pop() {
        for file in files_of(&path).filter(|it| Tool::of(it) == Some(Tool::Kustomize)) {
            let Ok(bytes) = read_file(&file) else { continue };
            let source = Source::from_bytes(file.to_string_lossy(), bytes);
            let kustomization = Kustomization::read(&file, &source);
            let parts = kustomization.resources.iter().chain(&kustomization.patches);
            for part in parts.filter(|it| it.as_os_str().is_empty() || it.exists()) {
                let is_known = |it: &PathBuf| part.starts_with(normal(it));
                if !paths.iter().chain(&taken).any(is_known) {
                    taken.push(as_argument(part));
                    next.push(as_argument(part));
                }
            }
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Makes a change, and waits until it is reported.
    #[track_caller]
    fn check(watch: &mut Watch, change: impl FnOnce()) {
        change();
        assert_eq!(watch.wait(|| false), Wake::Changed);
    }

    #[test]
    fn a_file_that_is_written_or_replaced_has_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, draft) = (folder.path().join("a.yaml"), folder.path().join("draft"));
        fs::write(&file, "one").expect("a file");
        let mut watch = Watch::start(std::slice::from_ref(&file));
        check(&mut watch, || fs::write(&file, "two").expect("a file"));
        check(&mut watch, || {
            fs::write(&draft, "three").expect("a file");
            fs::rename(&draft, &file).expect("a file");
        });
        check(&mut watch, || fs::remove_file(&file).expect("a file"));
        check(&mut watch, || fs::write(&file, "four").expect("a file"));
    }

    #[test]
    fn files_that_come_and_go_change_a_directory() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("deep");
        let mut watch = Watch::start(&[folder.path().to_owned()]);
        check(&mut watch, || {
            fs::create_dir(&deep).expect("a folder");
            fs::write(deep.join("a.yaml"), "").expect("a file");
        });
        check(&mut watch, || fs::write(deep.join("b.json"), "").expect("a file"));
        check(&mut watch, || {
            fs::remove_file(deep.join("a.yaml")).expect("a file");
        });
    }

    #[test]
    fn the_bases_of_a_kustomization_are_inputs_and_so_are_theirs() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for (name, text) in [
            (
                "overlays/prod/kustomization.yaml",
                "resources: [../../base, own.yaml]\npatches: [{path: ../host.yaml}]",
            ),
            ("overlays/prod/own.yaml", ""),
            ("overlays/host.yaml", ""),
            (
                "base/kustomization.yaml",
                "resources: [../more, ../base, https://example.com/x]",
            ),
            ("more/a.yaml", ""),
            ("other/a.yaml", ""),
        ] {
            fs::create_dir_all(at(name).parent().expect("a folder")).expect("folders");
            fs::write(at(name), text).expect("a file");
        }
        let mut render = Render::default();
        let files = [at("overlays/prod")];
        assert_eq!(watched_paths(&files, &render, None), files);
        render.kustomize = true;
        let mut found = watched_paths(&files, &render, Some(at("fingerpost.yaml")));
        found.sort();
        let expected = [
            "base",
            "fingerpost.yaml",
            "more",
            "overlays/host.yaml",
            "overlays/prod",
        ];
        assert_eq!(found, expected.map(at));
    }

    /// As kubelet updates it: the link `..data` is replaced, and each file is a link into it.
    #[test]
    fn a_mounted_config_map_changes_with_its_link() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for (generation, content) in [("..1", "one"), ("..2", "two"), ("..3", "three")] {
            fs::create_dir(at(generation)).expect("a folder");
            fs::write(at(generation).join("a.yaml"), content).expect("a file");
        }
        symlink("..1", at("..data")).expect("a link");
        symlink("..data/a.yaml", at("a.yaml")).expect("a link");
        for (named, next) in [(folder.path().to_owned(), "..2"), (at("a.yaml"), "..3")] {
            let mut watch = Watch::start(&[named]);
            check(&mut watch, || {
                symlink(next, at("..data_tmp")).expect("a link");
                fs::rename(at("..data_tmp"), at("..data")).expect("a link");
            });
        }
    }

    #[test]
    fn what_is_saved_as_it_was_or_is_nothing_to_us_is_no_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.yaml");
        fs::write(&file, "one").expect("a file");
        let before = fingerprint(&[folder.path().to_owned()]);
        fs::write(&file, "one").expect("a file");
        for other in [".a.yaml.swp", ".hidden.yaml", "notes.txt"] {
            fs::write(folder.path().join(other), "two").expect("a file");
        }
        assert_eq!(fingerprint(&[folder.path().to_owned()]), before);
    }
}
