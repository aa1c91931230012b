//! Plugins and their VMs: start, sharing, failure and reload, timers, and the end.

use crate::callbacks::create;
use crate::error::LoadError;
use crate::plugin::FailurePolicy;
use crate::simulator::Simulator;
use crate::stream::{Failed, Filter};
use crate::vm::Vm;
use std::time::Duration;

impl Simulator {
    /// Finds the plugin's VM and root context, or makes them.
    pub(crate) fn start_plugin(&mut self, index: usize) -> Result<(usize, u32), LoadError> {
        let plugin = self.plugins.get(index).cloned();
        let plugin = plugin.ok_or(LoadError::VmStart { log: Vec::new() })?;
        let sound = |vm: &usize| {
            self.vms
                .get(*vm)
                .and_then(Option::as_ref)
                .is_some_and(|vm| vm.failure.is_none())
        };
        let mates = self
            .plugins
            .iter()
            .zip(&self.roots)
            .filter(|(mate, _)| mate.shares_vm_with(&plugin));
        let mates: Vec<_> = mates
            .filter(|(_, (vm, _))| sound(vm))
            .map(|(mate, root)| (mate.clone(), *root))
            .collect();
        if let Some((_, root)) = mates.iter().find(|(mate, _)| mate.shares_root_with(&plugin)) {
            return Ok(*root);
        }
        let logged = self.world.log.len();
        let vm = match mates.first() {
            Some((_, (vm, _))) => *vm,
            None => {
                let free = self.vms.iter().position(Option::is_none);
                let index = free.unwrap_or(self.vms.len());
                let id = u32::try_from(index).unwrap_or(u32::MAX);
                let made = Some(Box::new(Vm::new(id, &plugin, &mut self.world)?));
                match self.vms.get_mut(index) {
                    Some(free) => *free = made,
                    None => self.vms.push(made),
                }
                index
            }
        };
        let said = |simulator: &Self| -> Vec<String> {
            let new = simulator.world.log.iter().skip(logged);
            new.map(|line| line.message.clone()).collect()
        };
        let vm_configuration = u32::try_from(plugin.vm_configuration.len()).unwrap_or(u32::MAX);
        let configuration = u32::try_from(plugin.configuration.len()).unwrap_or(u32::MAX);
        self.set_start_up(vm, true);
        let started = self.enter(vm, |vm, world| {
            let root = vm.state().open_context(0, plugin.clone(), None);
            set_configuring(vm, root, true);
            create(vm, world, root);
            set_configuring(vm, root, false);
            let on_vm_start = vm.exports.on_vm_start.clone();
            let started = on_vm_start
                .map(|it| vm.call(world, root, "proxy_on_vm_start", &it, (root, vm_configuration)));
            (root, started)
        });
        let (root, started) = started.ok_or(LoadError::VmStart { log: Vec::new() })?;
        self.refuse_failed(vm)?;
        if started.flatten() == Some(0) {
            return Err(LoadError::VmStart { log: said(self) });
        }
        self.after_callback(vm);
        let configured = self.enter(vm, |vm, world| {
            set_configuring(vm, root, true);
            let on_configure = vm.exports.on_configure.clone();
            let configured =
                on_configure.map(|it| vm.call(world, root, "proxy_on_configure", &it, (root, configuration)));
            set_configuring(vm, root, false);
            configured
        });
        self.refuse_failed(vm)?;
        if configured.flatten().flatten() == Some(0) {
            return Err(LoadError::Configure {
                plugin: plugin.name.clone(),
                log: said(self),
            });
        }
        self.after_callback(vm);
        self.set_start_up(vm, false);
        Ok((vm, root))
    }

    /// Whether callbacks have the fuel of a start.
    fn set_start_up(&mut self, vm: usize, start_up: bool) {
        if let Some(vm) = self.vms.get_mut(vm).and_then(Option::as_mut) {
            vm.state().start_up = start_up;
        }
    }

    fn refuse_failed(&mut self, vm: usize) -> Result<(), LoadError> {
        match self
            .vms
            .get(vm)
            .and_then(Option::as_ref)
            .and_then(|vm| vm.failure.clone())
        {
            Some(failure) => {
                self.failures.pop(); // it is the caller's now
                Err(LoadError::Failed(failure))
            }
            None => Ok(()),
        }
    }

    /// The filters for a new stream. A plugin whose VM has failed takes part as its policy says.
    pub(crate) fn filters_for(&mut self, stream: u32) -> Vec<Filter> {
        let mut filters = Vec::with_capacity(self.plugins.len());
        for (index, plugin) in self.plugins.clone().into_iter().enumerate() {
            let (mut vm, mut root) = self.roots.get(index).copied().unwrap_or_default();
            let mut failed = self.has_failed(vm);
            if let FailurePolicy::Reload { backoff } = plugin.policy
                && failed
                && self.age(vm) >= backoff
                && let Ok(renewed) = self.start_plugin(index)
            {
                (vm, root) = renewed;
                if let Some(place) = self.roots.get_mut(index) {
                    *place = renewed;
                }
                failed = false;
            }
            if failed && self.fails_open(index) {
                continue;
            }
            let place = self
                .vms
                .get_mut(vm)
                .and_then(Option::as_mut)
                .filter(|_| !failed)
                .map(|here| {
                    let context = here.state().open_context(root, plugin.clone(), Some(stream));
                    (vm, context)
                });
            filters.push(Filter {
                plugin: index,
                place,
                failed: Failed::NotYet,
            });
        }
        filters
    }

    fn has_failed(&self, vm: usize) -> bool {
        self.vms
            .get(vm)
            .and_then(Option::as_ref)
            .is_none_or(|vm| vm.failure.is_some())
    }

    fn age(&self, vm: usize) -> Duration {
        let made = self
            .vms
            .get(vm)
            .and_then(Option::as_ref)
            .map_or(Duration::ZERO, |vm| vm.made);
        self.world.clock.now().saturating_sub(made)
    }

    /// Calls `proxy_on_tick` of every timer that is due on the way to `until`.
    pub(crate) fn tick_until(&mut self, until: Duration, by: Duration) {
        let mut left = by;
        loop {
            let timers = self.vms.iter_mut().enumerate().filter_map(|(index, vm)| {
                let vm = vm.as_mut().filter(|vm| vm.failure.is_none())?;
                let next = vm
                    .state()
                    .timers
                    .iter()
                    .map(|(root, timer)| (timer.due, *root))
                    .min()?;
                Some((next.0, index, next.1))
            });
            let Some((due, vm, root)) = timers.min().filter(|(due, ..)| *due <= until) else {
                break;
            };
            let step = due.saturating_sub(self.world.clock.now()).min(left);
            self.world.clock.advance(step);
            left -= step;
            if !self.delivering {
                self.outside_event();
            }
            self.enter(vm, |vm, world| {
                if let Some(timer) = vm.state().timers.get_mut(&root) {
                    timer.due = due + timer.period;
                }
                if let Some(on_tick) = vm.exports.on_tick.clone() {
                    vm.call(world, root, "proxy_on_tick", &on_tick, root);
                }
            });
            self.after_callback(vm);
        }
        self.world.clock.advance(left);
    }

    pub(crate) fn stop_roots(&mut self) {
        let mut roots = self.roots.clone();
        roots.dedup();
        for (vm, root) in roots {
            let done = self.enter(vm, |vm, world| {
                let on_done = vm.exports.on_done.clone();
                on_done.map(|it| vm.call(world, root, "proxy_on_done", &it, root))
            });
            if done.flatten().flatten() == Some(0) {
                if let Some(context) = self
                    .vms
                    .get_mut(vm)
                    .and_then(Option::as_mut)
                    .and_then(|vm| vm.context(root))
                {
                    context.waits_for_done = true;
                }
            } else {
                self.finish_root(vm, root);
            }
            self.after_callback(vm);
        }
    }

    pub(crate) fn finish_root(&mut self, vm: usize, root: u32) {
        self.enter(vm, |vm, world| {
            if let Some(on_delete) = vm.exports.on_delete.clone() {
                vm.call(world, root, "proxy_on_delete", &on_delete, root);
            }
            vm.state().contexts.remove(&root);
        });
    }

    /// Lets go of failed VMs that no stream and no plugin uses any more.
    pub(crate) fn drop_unused_vms(&mut self) {
        for (index, vm) in self.vms.iter_mut().enumerate() {
            let used = self.roots.iter().any(|(vm, _)| *vm == index)
                || self.world.streams.values().any(|stream| {
                    stream
                        .filters
                        .iter()
                        .any(|filter| filter.place.is_some_and(|(vm, _)| vm == index))
                });
            if !used && vm.take().is_some() {
                self.world.forget_vm(u32::try_from(index).unwrap_or(u32::MAX));
            }
        }
    }
}

fn set_configuring(vm: &mut Vm, root: u32, configuring: bool) {
    if let Some(context) = vm.context(root) {
        context.configuring = configuring;
    }
}
