//! One change after the other, from the files in force to those that should be.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use fingerpost_xds::{Kind, Stage, XdsFile, XdsFiles, plan};

use crate::disk::Disk;
use crate::envoy::{Marks, NotTaken, Proxy};
use crate::folder::{Folder, FolderError};

/// Keeps the folder of one Envoy up to date.
#[derive(Debug)]
pub struct Sync<D, P> {
    folder: Folder<D>,
    proxy: P,
    /// Since when a file, or a cluster, has been without use.
    unused: BTreeMap<String, Instant>,
}

/// What a change came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The folder was empty: an Envoy that starts now reads the files.
    Written,
    /// Everything is in force already.
    Unchanged,
    /// Envoy has taken the change, in so many steps.
    Changed(usize),
}

/// What only requests under way can still need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftovers {
    /// Nothing is left.
    None,
    /// Something is left, and may be removed from then on.
    Until(Instant),
    /// Connections to listeners or filter chains that are gone are still open.
    Draining,
}

/// Why a change is not in force.
#[derive(Debug)]
pub enum SyncError {
    /// The folder can't be used.
    Folder(FolderError),
    /// Envoy does not run what the files say, and has not rejected it either: it reads other files, or another Envoy was asked.
    OutOfSync(NotTaken),
    /// Envoy has not taken the change. The files are again those from before.
    RolledBack(NotTaken),
    /// Envoy has not taken the change, and could not be brought back to the files from before. The next run tries it again.
    Halfway {
        /// Why the change was not taken.
        cause: NotTaken,
        /// Why the files from before were not.
        rollback: NotTaken,
    },
    /// Envoy can't be asked. The files are at a step from which it can be started, and the next run goes on.
    Unreachable(NotTaken),
}

impl<D: Disk, P: Proxy> Sync<D, P> {
    /// Works on this folder, which this Envoy reads.
    pub fn new(folder: Folder<D>, proxy: P) -> Self {
        Self {
            folder,
            proxy,
            unused: BTreeMap::new(),
        }
    }

    /// How many listeners the files in force have.
    pub fn number_of_listeners(&self) -> Result<usize, SyncError> {
        let current = self.folder.current()?;
        Ok(current.map_or(0, |it| it.listeners.len()))
    }

    /// Whether an Envoy can be asked now.
    pub fn is_reachable(&self) -> bool {
        self.proxy.marks().is_ok()
    }

    /// Writes `target` for an Envoy that starts later, whatever the folder holds. No Envoy may read the folder.
    pub fn start(&mut self, target: &XdsFiles) -> Result<Applied, SyncError> {
        self.folder.put(target)?;
        self.folder.accept()?;
        Ok(Applied::Written)
    }

    /// Brings `target` into effect. Files that are no longer used stay: see [`Sync::remove_unused`].
    pub fn apply(&mut self, target: &XdsFiles) -> Result<Applied, SyncError> {
        let Some(mut current) = self.folder.current()? else {
            return self.start(target);
        };
        if !self.folder.is_managed()? {
            // As `compile --xds` wrote them.
            self.folder.put(&current)?;
            self.folder.accept()?;
        }
        if !self.folder.is_accepted() {
            current = self.recover(current)?;
        }
        match self.proxy.wait_for(&current.used_files(), None) {
            Ok(()) => {}
            Err(NotTaken::Rejected { .. }) => return self.replace(current, target),
            Err(unreachable @ NotTaken::Unreachable { .. }) => {
                return Err(SyncError::Unreachable(unreachable));
            }
            Err(late @ NotTaken::Late { .. }) => return Err(SyncError::OutOfSync(late)),
        }
        let mut steps = plan(&current, target);
        steps.retain(|it| it.stage != Stage::Remove);
        let mut taken = vec![current];
        for step in &steps {
            self.step(&mut taken, &step.files)?;
        }
        if !steps.is_empty() {
            self.folder.accept()?;
        }
        if let Some(last) = taken.last() {
            self.mark_unused(last, target);
        }
        Ok(match steps.len() {
            0 => Applied::Unchanged,
            number => Applied::Changed(number),
        })
    }

    /// Removes what has not been used for so long, while no connection to a listener that is gone is open.
    pub fn remove_unused(&mut self, target: &XdsFiles, after: Duration) -> Result<Leftovers, SyncError> {
        let Some(current) = self.folder.current()? else {
            return Ok(Leftovers::None);
        };
        if self.unused.is_empty() {
            return Ok(Leftovers::None);
        }
        let now = Instant::now();
        let due = |since: &Instant| now.duration_since(*since) >= after;
        if !self.unused.values().any(due) {
            let first = self.unused.values().min().copied().unwrap_or(now);
            return Ok(Leftovers::Until(first + after));
        }
        match self.proxy.is_draining() {
            Ok(false) => {}
            Ok(true) => return Ok(Leftovers::Draining),
            Err(error) => return Err(SyncError::Unreachable(error)),
        }
        let is_kept = |name: &str| self.unused.get(name).is_some_and(|since| !due(since));
        let mut files = target.clone();
        let clusters = current.clusters.iter().filter(|it| is_kept(&it.name));
        files.clusters.extend(clusters.cloned());
        keep(&current.routes, &mut files.routes, is_kept);
        keep(&current.filters, &mut files.filters, is_kept);
        keep(&current.secrets, &mut files.secrets, is_kept);
        self.step(&mut vec![current], &files)?;
        self.folder.accept()?;
        self.mark_unused(&files, target);
        Ok(match self.unused.values().min() {
            None => Leftovers::None,
            Some(first) => Leftovers::Until(*first + after),
        })
    }

    /// Puts files in force and waits for Envoy. If Envoy does not take them, goes back through `taken`, the files of all steps so far.
    fn step(&self, taken: &mut Vec<XdsFiles>, files: &XdsFiles) -> Result<(), SyncError> {
        let marks = self.proxy.marks().map_err(SyncError::Unreachable)?;
        self.folder.put(files)?;
        let changed = changed(taken.last(), files);
        let result = self.wait_for(&changed, files, &marks);
        self.conclude(taken, files, result)
    }

    /// Waits until the changed files are in force, and all others.
    fn wait_for(&self, changed: &[XdsFile], files: &XdsFiles, marks: &Marks) -> Result<(), NotTaken> {
        self.proxy.wait_for(changed, Some(marks))?;
        // A listener that was added reads files that were there before.
        self.proxy.wait_for(&files.used_files(), None)
    }

    /// Ends a step: goes on from its files, or back through `taken`.
    fn conclude(
        &self,
        taken: &mut Vec<XdsFiles>,
        files: &XdsFiles,
        result: Result<(), NotTaken>,
    ) -> Result<(), SyncError> {
        match result {
            Ok(()) => {
                taken.push(files.clone());
                Ok(())
            }
            Err(unreachable @ NotTaken::Unreachable { .. }) => Err(SyncError::Unreachable(unreachable)),
            Err(cause) => Err(self.roll_back(taken, files, cause)?),
        }
    }

    /// Goes back, step by step, from files that Envoy has not taken, or only in part. Two neighbours can always be mixed: Envoy
    /// reads the files of a step in any order.
    fn roll_back(
        &self,
        taken: &[XdsFiles],
        last: &XdsFiles,
        cause: NotTaken,
    ) -> Result<SyncError, SyncError> {
        let mut now = last;
        for files in taken.iter().rev() {
            self.folder.put_back(files)?;
            if let Err(rollback) = self.proxy.wait_for(&changed(Some(now), files), None) {
                return Ok(SyncError::Halfway { cause, rollback });
            }
            now = files;
        }
        self.folder.accept()?;
        Ok(SyncError::RolledBack(cause))
    }

    /// Goes back to the last files that Envoy has taken as a whole, after a change that was interrupted.
    ///
    /// Whether Envoy has taken the step at which it was interrupted can't be known: after a rejection it can look so. So that step
    /// is undone first.
    fn recover(&self, current: XdsFiles) -> Result<XdsFiles, SyncError> {
        let (Some(good), Some(before)) = (self.folder.good()?, self.folder.before()?) else {
            // Interrupted at the very first files.
            self.folder.accept()?;
            return Ok(current);
        };
        let result = if before == current {
            self.proxy.wait_for(&before.used_files(), None)
        } else {
            let marks = self.proxy.marks().map_err(SyncError::Unreachable)?;
            self.folder.put_back(&before)?;
            self.proxy.wait_for(&before.used_files(), Some(&marks))
        };
        match result {
            Ok(()) => {}
            // Envoy has never taken even these, the first files: the caller sees that once more, and replaces them.
            Err(NotTaken::Rejected { .. }) if before == good => {
                self.folder.accept()?;
                return Ok(good);
            }
            Err(unreachable @ NotTaken::Unreachable { .. }) => {
                return Err(SyncError::Unreachable(unreachable));
            }
            Err(other) => return Err(SyncError::OutOfSync(other)),
        }
        let mut taken = vec![before.clone()];
        for step in plan(&before, &good) {
            self.step(&mut taken, &step.files)?;
        }
        self.folder.accept()?;
        Ok(good)
    }

    /// Puts new files in the place of files that Envoy has never taken: no order can be kept.
    fn replace(&mut self, current: XdsFiles, target: &XdsFiles) -> Result<Applied, SyncError> {
        let marks = self.proxy.marks().map_err(SyncError::Unreachable)?;
        if current == *target {
            // What was in the way may be gone, such as another process at a port.
            self.folder.put_again()?;
            let taken = self.wait_for(&current.used_files(), target, &marks);
            return taken.map(|()| Applied::Changed(1)).map_err(SyncError::RolledBack);
        }
        self.folder.put(target)?;
        let changed = changed(Some(&current), target);
        let mut result = self.wait_for(&changed, target, &marks);
        if let Err(NotTaken::Rejected { .. }) = &result {
            // A listener that shares the filter of one that waits for it is rejected again if Envoy reads the listeners before
            // the filter. So they are read once more when the filter has been taken.
            let is_filter = |it: &&XdsFile| it.kind == Kind::HttpFilter;
            let filters: Vec<XdsFile> = changed.iter().filter(is_filter).cloned().collect();
            if !filters.is_empty() && self.are_taken(&filters, &marks) {
                let marks = self.proxy.marks().map_err(SyncError::Unreachable)?;
                self.folder.put_again()?;
                result = self.wait_for(&target.used_files(), target, &marks);
            }
        }
        self.conclude(&mut vec![current], target, result)?;
        self.folder.accept()?;
        Ok(Applied::Changed(1))
    }

    /// Whether Envoy takes these files, while it may reject or not know others.
    fn are_taken(&self, files: &[XdsFile], since: &Marks) -> bool {
        self.proxy.wait_for(files, Some(since)).is_ok()
    }

    /// Notes since when what only `files` have is without use.
    fn mark_unused(&mut self, files: &XdsFiles, target: &XdsFiles) {
        let names = |it: &XdsFiles| {
            let clusters = it.clusters.iter().map(|it| it.name.clone());
            let others = it.routes.keys().chain(it.filters.keys()).chain(it.secrets.keys());
            clusters.chain(others.cloned()).collect::<Vec<String>>()
        };
        let used = names(target);
        let used: std::collections::BTreeSet<&String> = used.iter().collect();
        let now = Instant::now();
        let unused = names(files).into_iter().filter(|it| !used.contains(it));
        self.unused = unused
            .map(|name| {
                let since = self.unused.get(&name).copied().unwrap_or(now);
                (name, since)
            })
            .collect();
    }
}

/// The files that Envoy reads and that are not as before.
fn changed(before: Option<&XdsFiles>, files: &XdsFiles) -> Vec<XdsFile> {
    let before = before.map(XdsFiles::files).unwrap_or_default();
    let mut changed = files.used_files();
    changed.retain(|it| !before.contains(it));
    changed
}

/// Adds those of `current` that are kept.
fn keep<T: Clone>(
    current: &BTreeMap<String, T>,
    files: &mut BTreeMap<String, T>,
    is_kept: impl Fn(&str) -> bool,
) {
    for (name, value) in current {
        if is_kept(name) && !files.contains_key(name) {
            files.insert(name.clone(), value.clone());
        }
    }
}

impl From<FolderError> for SyncError {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(error) => write!(f, "{error}"),
            Self::OutOfSync(error) => write!(
                f,
                "Envoy does not run what the files say: is it started with envoy.json from this folder, and is its admin \
                 interface the one that was asked? {error}"
            ),
            Self::RolledBack(cause) => write!(f, "{cause}; the previous configuration stays in effect"),
            Self::Halfway { cause, rollback } => write!(
                f,
                "{cause}; the previous configuration could not be restored either: {rollback}. The next run tries again"
            ),
            Self::Unreachable(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for SyncError {}
