//! The tables of a VM, while Envoy replaces them.
//!
//! A new configuration does not end the old one: requests of connections that drain, and streams that last, keep its root
//! context alive, and with it its table. Many reloads would fill the VM, and a table that is refused on a worker, after the main
//! thread has taken it, leaves that worker without a filter. So a table is never refused for what else is in the VM:
//! the oldest tables that have a successor go first, and what still comes to them is answered by the successor. It has the
//! same key for the same route, and Envoy answers 404 where a key is unknown to it.

use fingerpost_routing::RouteTable;
use fingerpost_routing_config::{VM_CONFIG_BYTES, VM_PROGRAM_BYTES};
use std::cell::Cell;
use std::fmt;
use std::rc::{Rc, Weak};

/// What one configuration takes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Its JSON.
    pub(crate) config: usize,
    /// The programs of its patterns.
    pub(crate) programs: usize,
}

/// What all configurations of a VM may take.
const ROOM: Size = Size {
    config: VM_CONFIG_BYTES,
    programs: VM_PROGRAM_BYTES,
};

thread_local! {
    /// A VM has one thread. In a native process each thread counts as a VM.
    static TABLES: Cell<Tables> = const { Cell::new(Tables(Vec::new())) };
}

/// A table of the VM.
#[derive(Default)]
pub struct LoadedTable {
    /// The plugin's name; of two tables with the same name the later one replaces the other. Empty: nothing replaces it.
    plugin: Vec<u8>,
    size: Size,
    /// None if it had to go.
    table: Cell<Option<Rc<RouteTable>>>,
}

impl fmt::Debug for LoadedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedTable")
            .field("size", &self.size)
            .field("table", &self.own())
            .finish_non_exhaustive()
    }
}

impl LoadedTable {
    /// The table, or that of its successor if it had to go.
    pub fn table(&self) -> Rc<RouteTable> {
        let own = self.own();
        own.or_else(|| with_tables(|tables| tables.newest(&self.plugin)))
            .unwrap_or_default()
    }

    fn own(&self) -> Option<Rc<RouteTable>> {
        let table = self.table.take();
        self.table.set(table.clone());
        table
    }
}

/// Lets tables of this VM that have a successor go, so that a configuration of this plugin and size has room.
pub(crate) fn make_room(plugin: &[u8], size: Size) {
    with_tables(|tables| tables.make_room(plugin, size, ROOM));
}

/// Adds a table, which replaces the others of its plugin.
pub(crate) fn add(plugin: Vec<u8>, size: Size, table: RouteTable) -> Rc<LoadedTable> {
    let loaded = Rc::new(LoadedTable {
        plugin,
        size,
        table: Cell::new(Some(Rc::new(table))),
    });
    with_tables(|tables| tables.0.push(Rc::downgrade(&loaded)));
    loaded
}

fn with_tables<T>(act: impl FnOnce(&mut Tables) -> T) -> T {
    let mut tables = TABLES.take();
    let done = act(&mut tables);
    TABLES.set(tables);
    done
}

/// All tables, those that were loaded first come first.
#[derive(Debug, Default)]
struct Tables(Vec<Weak<LoadedTable>>);

impl Tables {
    fn newest(&self, plugin: &[u8]) -> Option<Rc<RouteTable>> {
        let mut newest_first = self.0.iter().rev().filter_map(Weak::upgrade);
        newest_first.find_map(|it| (it.plugin == plugin).then(|| it.own()).flatten())
    }

    fn make_room(&mut self, plugin: &[u8], size: Size, room: Size) {
        self.0.retain(|it| it.strong_count() > 0);
        let tables: Vec<Rc<LoadedTable>> = self.0.iter().filter_map(Weak::upgrade).collect();
        let held = tables.iter().filter(|it| it.own().is_some());
        let mut taken = held.fold(size, |sum, it| Size {
            config: sum.config.saturating_add(it.size.config),
            programs: sum.programs.saturating_add(it.size.programs),
        });
        let mut later = tables.iter();
        while let Some(table) = later.next() {
            if taken.config <= room.config && taken.programs <= room.programs {
                return;
            }
            let is_same = |name: &[u8]| !name.is_empty() && name == table.plugin;
            let has_successor = is_same(plugin) || later.clone().any(|it| is_same(&it.plugin));
            if has_successor && table.table.take().is_some() {
                taken.config = taken.config.saturating_sub(table.size.config);
                taken.programs = taken.programs.saturating_sub(table.size.programs);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LoadedTable, Size, Tables};
    use fingerpost_routing::{RouteTable, VirtualHost};
    use std::cell::Cell;
    use std::rc::Rc;

    const ROOM: Size = Size {
        config: 10,
        programs: 10,
    };

    /// Adds tables of some plugins and sizes, in order, and names those that are still there at the end.
    fn kept(loads: &[(&str, usize, usize)]) -> Vec<usize> {
        let mut tables = Tables::default();
        let mut loaded = Vec::new();
        for (plugin, config, programs) in loads {
            let size = Size {
                config: *config,
                programs: *programs,
            };
            tables.make_room(plugin.as_bytes(), size, ROOM);
            let table = Rc::new(LoadedTable {
                plugin: plugin.as_bytes().to_vec(),
                size,
                table: Cell::new(Some(Rc::default())),
            });
            tables.0.push(Rc::downgrade(&table));
            loaded.push(table);
        }
        let kept = loaded.iter().enumerate().filter(|(_, it)| it.own().is_some());
        kept.map(|(index, _)| index).collect()
    }

    #[test]
    fn the_oldest_tables_with_a_successor_go_when_room_is_needed() {
        assert_eq!(kept(&[("a", 5, 0), ("a", 5, 0)]), [0, 1]);
        assert_eq!(kept(&[("a", 5, 0), ("a", 5, 0), ("a", 5, 0)]), [1, 2]);
        assert_eq!(kept(&[("a", 0, 5), ("b", 0, 1), ("a", 0, 5)]), [1, 2]);
        assert_eq!(kept(&[("a", 4, 0), ("a", 4, 0), ("b", 9, 0)]), [1, 2]);
        assert_eq!(kept(&[("a", 10, 0), ("a", 10, 0)]), [1]);
    }

    #[test]
    fn a_table_without_a_successor_stays_whatever_comes() {
        assert_eq!(
            kept(&[("a", 9, 9), ("b", 9, 9), ("", 9, 9), ("", 9, 9)]),
            [0, 1, 2, 3]
        );
    }

    #[test]
    fn a_table_that_had_to_go_is_replaced_by_its_successor() {
        let table = |host: &str| {
            let mut table = RouteTable::default();
            table.add(VirtualHost::new(host, Vec::new()), ["*"]).unwrap();
            table
        };
        let old = super::add(b"replaced".to_vec(), Size::default(), table("old"));
        let new = super::add(b"replaced".to_vec(), Size::default(), table("new"));
        let other = super::add(b"other".to_vec(), Size::default(), table("other"));
        let host = |loaded: &LoadedTable| loaded.table().hosts()[0].name().to_owned();
        assert_eq!([host(&old), host(&new), host(&other)], ["old", "new", "other"]);
        old.table.set(None);
        assert_eq!([host(&old), host(&new), host(&other)], ["new", "new", "other"]);
        drop(new);
        assert!(old.table().hosts().is_empty());
    }
}
