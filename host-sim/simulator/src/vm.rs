//! One VM: an instance of a module with its contexts, and the way into it.
//!
//! A VM that has trapped is never entered again; who uses it asks `failure` first.

use crate::abi::{self, Halt};
use crate::context::Context;
use crate::error::{Cause, Failure, LoadError};
use crate::exports::Exports;
use crate::module::engine;
use crate::plugin::Plugin;
use crate::state::HostState;
use crate::trace::Event;
use crate::world::{LogLevel, World};
use std::fmt::Debug;
use std::mem;
use std::sync::Arc;
use wasmtime::{
    Extern, ExternType, Linker, Memory, Ref, Store, Table, Trap, TypedFunc, WasmBacktrace, WasmParams,
    WasmResults,
};

pub(crate) struct Vm {
    store: Store<HostState>,
    pub(crate) exports: Exports,
    pub(crate) failure: Option<Failure>,
    pub(crate) fuel_used: u64,
    /// When it was made: a reload waits for its backoff from here.
    pub(crate) made: std::time::Duration,
}

/// What a callback returned, as a number for the trace.
pub(crate) trait Returned {
    fn number(&self) -> Option<u64>;
}

impl Returned for () {
    fn number(&self) -> Option<u64> {
        None
    }
}

impl Returned for u32 {
    fn number(&self) -> Option<u64> {
        Some(u64::from(*self))
    }
}

impl Vm {
    /// Instantiates the module and runs its start-up, as far as it has one.
    pub(crate) fn new(id: u32, plugin: &Arc<Plugin>, world: &mut Box<World>) -> Result<Self, LoadError> {
        let mut linker = abi::linker(plugin)?;
        let compiled = plugin.module.compiled().clone();
        let made = world.clock.now();
        let fuel = plugin.fuel_to_start();
        let mut store = Store::new(engine()?, HostState::new(id, plugin.clone()));
        store.limiter(|state| state);
        store.set_fuel(fuel).map_err(|error| instance_error(&error))?;
        link_imports(&mut linker, &mut store, &compiled)?;
        mem::swap(&mut store.data_mut().world, world);
        store.data_mut().starting = true;
        let instance = linker.instantiate(&mut store, &compiled);
        mem::swap(&mut store.data_mut().world, world);
        let instance = instance.map_err(|error| refused(&error, fuel))?;
        let memory = compiled.exports().find_map(|export| {
            instance
                .get_export(&mut store, export.name())
                .and_then(Extern::into_memory)
        });
        let imported = store.data().memory;
        store.data_mut().memory = Some(memory.or(imported).ok_or(LoadError::MissingExport("memory"))?);
        let exports = Exports::find(&instance, &mut store, plugin)?;
        store.data_mut().malloc = Some(exports.malloc.clone());
        let fuel_used = fuel.saturating_sub(store.get_fuel().unwrap_or_default());
        let mut vm = Self {
            store,
            exports,
            failure: None,
            fuel_used,
            made,
        };
        vm.start(world)?;
        vm.state().starting = false;
        Ok(vm)
    }

    fn start(&mut self, world: &mut Box<World>) -> Result<(), LoadError> {
        let exports = &self.exports;
        if let Some(initialize) = exports.initialize.clone() {
            let (main, main_void) = (exports.main.clone(), exports.main_void.clone());
            self.call(world, 0, "_initialize", &initialize, ());
            if let Some(main) = main.filter(|_| self.failure.is_none()) {
                self.call(world, 0, "main", &main, (0, 0));
            } else if let Some(main) = main_void.filter(|_| self.failure.is_none()) {
                self.call(world, 0, "__main_void", &main, ());
            }
        } else if let Some(start) = exports.start.clone() {
            self.call(world, 0, "_start", &start, ());
        }
        match self.failure.take() {
            Some(failure) => Err(LoadError::Failed(failure)),
            None => Ok(()),
        }
    }

    pub(crate) fn state(&mut self) -> &mut HostState {
        self.store.data_mut()
    }

    pub(crate) fn context(&mut self, id: u32) -> Option<&mut Context> {
        self.store.data_mut().contexts.get_mut(&id)
    }

    /// Calls a function of the guest for a context. Nothing comes back if the guest failed, now or before.
    pub(crate) fn call<P, R>(
        &mut self,
        world: &mut Box<World>,
        context: u32,
        name: &'static str,
        function: &TypedFunc<P, R>,
        arguments: P,
    ) -> Option<R>
    where
        P: WasmParams + Debug + Copy,
        R: WasmResults + Returned,
    {
        if self.failure.is_some() {
            return None;
        }
        let state = self.store.data_mut();
        let (fuel, logged) = (state.fuel(), world.log.len());
        let step = world.trace.on.then(|| {
            let plugin = state.contexts.get(&context).and_then(|it| it.plugin.as_ref());
            world.trace.push(Event::Callback {
                plugin: plugin.map(|plugin| plugin.name.clone()).unwrap_or_default(),
                call: called(name, &arguments),
                returned: None,
            })
        });
        mem::swap(&mut state.world, world);
        let saved = (
            mem::replace(&mut state.current, context),
            mem::take(&mut state.effective),
        );
        // Fuel is metered by the engine's own settings, so setting it cannot fail.
        let _ = self.store.set_fuel(fuel);
        let result = function.call(&mut self.store, arguments);
        let used = fuel.saturating_sub(self.store.get_fuel().unwrap_or_default());
        self.fuel_used = self.fuel_used.saturating_add(used);
        let state = self.store.data_mut();
        (state.current, state.effective) = saved;
        mem::swap(&mut state.world, world);
        match result {
            Ok(returned) => {
                if let Some(step) = step {
                    world.trace.returned(step, returned.number());
                }
                Some(returned)
            }
            Err(error) => {
                let log = world.log.iter().skip(logged);
                let log = log
                    .filter(|line| line.level >= LogLevel::Error)
                    .map(|line| line.message.clone());
                self.failure = Some(failure(name, &error, fuel, log.collect()));
                None
            }
        }
    }
}

/// A single argument is not a tuple, and is shown without brackets.
fn called(name: &str, arguments: &impl Debug) -> String {
    let arguments = format!("{arguments:?}");
    match arguments.starts_with('(') {
        true => format!("{name}{arguments}"),
        false => format!("{name}({arguments})"),
    }
}

/// Looks every import up. A module may also import its memory or its table: it gets one of the size that it wants.
fn link_imports(
    linker: &mut Linker<HostState>,
    store: &mut Store<HostState>,
    compiled: &wasmtime::Module,
) -> Result<(), LoadError> {
    for import in compiled.imports() {
        let (module, name) = (import.module(), import.name());
        match import.ty() {
            ExternType::Func(wanted) => {
                let found = linker
                    .get(&mut *store, module, name)
                    .ok()
                    .and_then(Extern::into_func);
                let found = found.ok_or_else(|| LoadError::MissingImport {
                    module: module.to_owned(),
                    name: name.to_owned(),
                })?;
                let offered = found.ty(&*store);
                if !offered.matches(&wanted) {
                    return Err(LoadError::Signature {
                        name: format!("import {module}.{name}"),
                        reason: format!("the module wants {wanted}, Envoy has {offered}"),
                    });
                }
            }
            ExternType::Memory(wanted) => {
                let memory = Memory::new(&mut *store, wanted).map_err(|error| instance_error(&error))?;
                linker
                    .define(&mut *store, module, name, memory)
                    .map_err(|error| instance_error(&error))?;
                store.data_mut().memory = Some(memory);
            }
            ExternType::Table(wanted) => {
                let table = Table::new(&mut *store, wanted, Ref::Func(None))
                    .map_err(|error| instance_error(&error))?;
                linker
                    .define(&mut *store, module, name, table)
                    .map_err(|error| instance_error(&error))?;
            }
            _ => {
                return Err(LoadError::MissingImport {
                    module: module.to_owned(),
                    name: name.to_owned(),
                });
            }
        }
    }
    Ok(())
}

fn instance_error(error: &wasmtime::Error) -> LoadError {
    LoadError::Instance {
        reason: format!("{error:#}"),
    }
}

/// Instantiation ends early for two reasons: a start section that traps, or limits that the module is over from the first.
fn refused(error: &wasmtime::Error, fuel: u64) -> LoadError {
    if error.downcast_ref::<Trap>().is_some() || error.downcast_ref::<Halt>().is_some() {
        return LoadError::Failed(failure("the start section", error, fuel, Vec::new()));
    }
    LoadError::Instance {
        reason: format!("{error:#}"),
    }
}

fn failure(callback: &str, error: &wasmtime::Error, fuel: u64, log: Vec<String>) -> Failure {
    let cause = match (error.downcast_ref::<Halt>(), error.downcast_ref::<Trap>()) {
        (Some(Halt(cause)), _) => cause.clone(),
        (None, Some(Trap::OutOfFuel)) => Cause::Loop { fuel },
        (None, Some(trap)) => Cause::Trap(trap.to_string()),
        (None, None) => Cause::Trap(error.root_cause().to_string()),
    };
    let stack = error
        .downcast_ref::<WasmBacktrace>()
        .map(stack)
        .unwrap_or_default();
    Failure {
        callback: callback.to_owned(),
        cause,
        stack,
        log,
    }
}

fn stack(backtrace: &WasmBacktrace) -> Vec<String> {
    let frames = backtrace.frames().iter();
    let shown = frames.map(|frame| {
        let offset = frame.module_offset().unwrap_or_default();
        match frame.func_name() {
            Some(name) => format!("{offset:#x} - {}", rustc_demangle::demangle(name)),
            None => format!("{offset:#x} - function {}", frame.func_index()),
        }
    });
    shown.collect()
}
