//! Shared data and shared queues.

use super::{Answer, Call, proxy};
use crate::plugin::Plugin;
use crate::state::HostState;
use crate::status::Status;
use crate::world::QueueReady;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_get_shared_data" => get, (key: u32, key_length: u32, value_at: u32, length_at: u32, cas_at: u32);
        "proxy_set_shared_data" => set, (key: u32, key_length: u32, value: u32, value_length: u32, cas: u32);
        "proxy_register_shared_queue" => register, (name: u32, name_length: u32, token_at: u32);
        "proxy_resolve_shared_queue" => resolve, (vm_id: u32, vm_id_length: u32, name: u32, name_length: u32, token_at: u32);
        "proxy_enqueue_shared_queue" => enqueue, (token: u32, item: u32, item_length: u32);
        "proxy_dequeue_shared_queue" => dequeue, (token: u32, item_at: u32, length_at: u32);
    }
    Ok(())
}

fn get(call: &mut Call<'_>, key: u32, key_length: u32, value_at: u32, length_at: u32, cas_at: u32) -> Answer {
    call.note_bytes(key, key_length);
    let (key, state) = call.bytes_and_state(key, key_length)?;
    let (value, cas) = state
        .world
        .shared
        .get(&state.owner.vm_id, key)
        .ok_or(Status::NotFound)?;
    let value = value.to_vec();
    call.give(&value, value_at, length_at)?;
    call.put_u32(cas_at, cas)
}

fn set(call: &mut Call<'_>, key: u32, key_length: u32, value: u32, value_length: u32, cas: u32) -> Answer {
    call.note_bytes(key, key_length);
    call.note_bytes(value, value_length);
    let (key, value, state) = call.two_and_state((key, key_length), (value, value_length))?;
    let held = state.world.budget.hold(key.len() + value.len())?;
    Ok(state
        .world
        .shared
        .set(&state.owner.vm_id, key, value, cas, held)?)
}

fn register(call: &mut Call<'_>, name: u32, name_length: u32, token_at: u32) -> Answer {
    call.note_bytes(name, name_length);
    let (name, state) = call.bytes_and_state(name, name_length)?;
    let root = state.context().map_or(0, |context| context.root);
    let held = state.world.budget.hold(name.len())?;
    let token = state
        .world
        .queues
        .register(&state.owner.vm_id, name, (state.vm, root), held);
    call.put_u32(token_at, token)
}

/// An empty VM id is the guest's own.
fn resolve(
    call: &mut Call<'_>,
    vm_id: u32,
    vm_id_length: u32,
    name: u32,
    name_length: u32,
    token_at: u32,
) -> Answer {
    call.note_bytes(name, name_length);
    let (vm_id, name, state) = call.two_and_state((vm_id, vm_id_length), (name, name_length))?;
    let vm_id = String::from_utf8_lossy(vm_id);
    let vm_id = if vm_id.is_empty() {
        state.owner.vm_id.as_str()
    } else {
        vm_id.as_ref()
    };
    let token = state.world.queues.resolve(vm_id, name).ok_or(Status::NotFound)?;
    call.put_u32(token_at, token)
}

fn enqueue(call: &mut Call<'_>, token: u32, item: u32, item_length: u32) -> Answer {
    call.note_bytes(item, item_length);
    let (item, state) = call.bytes_and_state(item, item_length)?;
    let held = state.world.budget.hold(item.len())?;
    let told = state.world.budget.hold(0)?;
    if let Some((vm, root)) = state.world.queues.enqueue(token, item, held)? {
        state.world.ready.push_back(QueueReady {
            vm,
            root,
            token,
            _held: told,
        });
    }
    Ok(())
}

fn dequeue(call: &mut Call<'_>, token: u32, item_at: u32, length_at: u32) -> Answer {
    let item = call.state().world.queues.dequeue(token)?;
    call.give(&item, item_at, length_at)
}
