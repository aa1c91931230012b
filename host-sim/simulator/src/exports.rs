//! What a module offers to be called, with the signatures that the ABI gives them.

use crate::error::LoadError;
use crate::module::AbiVersion;
use crate::plugin::Plugin;
use crate::state::HostState;
use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

/// A function that a module may leave out.
pub(crate) type Callback<P, R> = Option<TypedFunc<P, R>>;

/// All functions of the ABI that the module exports.
pub(crate) struct Exports {
    pub(crate) initialize: Callback<(), ()>,
    pub(crate) start: Callback<(), ()>,
    pub(crate) main: Callback<(u32, u32), u32>,
    pub(crate) main_void: Callback<(), u32>,
    pub(crate) malloc: TypedFunc<u32, u32>,

    pub(crate) on_vm_start: Callback<(u32, u32), u32>,
    pub(crate) on_configure: Callback<(u32, u32), u32>,
    pub(crate) on_tick: Callback<u32, ()>,
    pub(crate) on_context_create: Callback<(u32, u32), ()>,
    pub(crate) on_request_headers: OnHeaders,
    pub(crate) on_request_body: Callback<(u32, u32, u32), u32>,
    pub(crate) on_request_trailers: Callback<(u32, u32), u32>,
    pub(crate) on_response_headers: OnHeaders,
    pub(crate) on_response_body: Callback<(u32, u32, u32), u32>,
    pub(crate) on_response_trailers: Callback<(u32, u32), u32>,
    pub(crate) on_http_call_response: Callback<(u32, u32, u32, u32, u32), ()>,
    pub(crate) on_grpc_receive: Callback<(u32, u32, u32), ()>,
    pub(crate) on_grpc_receive_initial_metadata: Callback<(u32, u32, u32), ()>,
    pub(crate) on_grpc_receive_trailing_metadata: Callback<(u32, u32, u32), ()>,
    pub(crate) on_grpc_close: Callback<(u32, u32, u32), ()>,
    pub(crate) on_queue_ready: Callback<(u32, u32), ()>,
    pub(crate) on_done: Callback<u32, u32>,
    pub(crate) on_log: Callback<u32, ()>,
    pub(crate) on_delete: Callback<u32, ()>,
}

/// The callback for headers, which learnt of the stream's end with ABI 0.2.
#[derive(Clone)]
pub(crate) enum OnHeaders {
    Absent,
    Old(TypedFunc<(u32, u32), u32>),
    New(TypedFunc<(u32, u32, u32), u32>),
}

impl Exports {
    pub(crate) fn find(
        instance: &Instance,
        store: &mut Store<HostState>,
        plugin: &Plugin,
    ) -> Result<Self, LoadError> {
        let mut finder = Finder {
            instance,
            store,
            plugin,
        };
        let initialize = finder.plain("_initialize")?;
        let reactor = initialize.is_some();
        let malloc = match finder.plain("malloc")? {
            Some(malloc) => Some(malloc),
            None => finder.plain("proxy_on_memory_allocate")?,
        };
        Ok(Self {
            start: if reactor { None } else { finder.plain("_start")? },
            main: if reactor { finder.plain("main")? } else { None },
            main_void: if reactor {
                finder.plain("__main_void")?
            } else {
                None
            },
            initialize,
            malloc: malloc.ok_or(LoadError::MissingExport("malloc or proxy_on_memory_allocate"))?,
            on_vm_start: finder.callback("proxy_on_vm_start")?,
            on_configure: finder.callback("proxy_on_configure")?,
            on_tick: finder.callback("proxy_on_tick")?,
            on_context_create: finder.callback("proxy_on_context_create")?,
            on_request_headers: finder.on_headers("proxy_on_request_headers")?,
            on_request_body: finder.callback("proxy_on_request_body")?,
            on_request_trailers: finder.callback("proxy_on_request_trailers")?,
            on_response_headers: finder.on_headers("proxy_on_response_headers")?,
            on_response_body: finder.callback("proxy_on_response_body")?,
            on_response_trailers: finder.callback("proxy_on_response_trailers")?,
            on_http_call_response: finder.callback("proxy_on_http_call_response")?,
            on_grpc_receive: finder.callback("proxy_on_grpc_receive")?,
            on_grpc_receive_initial_metadata: finder.callback("proxy_on_grpc_receive_initial_metadata")?,
            on_grpc_receive_trailing_metadata: finder.callback("proxy_on_grpc_receive_trailing_metadata")?,
            on_grpc_close: finder.callback("proxy_on_grpc_close")?,
            on_queue_ready: finder.callback("proxy_on_queue_ready")?,
            on_done: finder.callback("proxy_on_done")?,
            on_log: finder.callback("proxy_on_log")?,
            on_delete: finder.callback("proxy_on_delete")?,
        })
    }
}

struct Finder<'f> {
    instance: &'f Instance,
    store: &'f mut Store<HostState>,
    plugin: &'f Plugin,
}

impl Finder<'_> {
    /// A function of the language's runtime.
    fn plain<P: WasmParams, R: WasmResults>(&mut self, name: &str) -> Result<Callback<P, R>, LoadError> {
        let Some(function) = self.instance.get_func(&mut *self.store, name) else {
            return Ok(None);
        };
        let typed = function
            .typed(&*self.store)
            .map_err(|error| LoadError::Signature {
                name: name.to_owned(),
                reason: format!("{error:#}"),
            })?;
        Ok(Some(typed))
    }

    /// A function of the ABI, unless the plugin may not have it.
    fn callback<P: WasmParams, R: WasmResults>(&mut self, name: &str) -> Result<Callback<P, R>, LoadError> {
        if self.plugin.may(name) {
            self.plain(name)
        } else {
            Ok(None)
        }
    }

    fn on_headers(&mut self, name: &str) -> Result<OnHeaders, LoadError> {
        Ok(match self.plugin.module.abi() {
            AbiVersion::V0_1_0 => self.callback(name)?.map_or(OnHeaders::Absent, OnHeaders::Old),
            AbiVersion::V0_2_0 | AbiVersion::V0_2_1 => {
                self.callback(name)?.map_or(OnHeaders::Absent, OnHeaders::New)
            }
        })
    }
}
