//! Counters, gauges and histograms.

use super::{Answer, Call, proxy};
use crate::limits;
use crate::plugin::Plugin;
use crate::state::HostState;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_define_metric" => define, (kind: u32, name: u32, name_length: u32, id_at: u32);
        "proxy_increment_metric" => increment, (id: u32, offset: i64);
        "proxy_record_metric" => record, (id: u32, value: u64);
        "proxy_get_metric" => get, (id: u32, value_at: u32);
    }
    Ok(())
}

fn define(call: &mut Call<'_>, kind: u32, name: u32, name_length: u32, id_at: u32) -> Answer {
    call.note_bytes(name, name_length);
    let (name, state) = call.bytes_and_state(name, name_length)?;
    let (vm, world) = (state.vm, &mut state.world);
    world.budget.ask(name.len() + 2 * limits::ENTRY_BYTES)?;
    let id = world.metrics.define(vm, kind, name)?;
    call.put_u32(id_at, id)
}

fn increment(call: &mut Call<'_>, id: u32, offset: i64) -> Answer {
    let state = call.state();
    Ok(state.world.metrics.increment(state.vm, id, offset)?)
}

fn record(call: &mut Call<'_>, id: u32, value: u64) -> Answer {
    let state = call.state();
    state.world.budget.ask(limits::ENTRY_BYTES)?;
    Ok(state.world.metrics.record(state.vm, id, value)?)
}

fn get(call: &mut Call<'_>, id: u32, value_at: u32) -> Answer {
    let state = call.state();
    let value = state.world.metrics.get(state.vm, id)?;
    call.put_u64(value_at, value)
}
