#!/bin/sh
# Links a filter for Envoy: exports what the filter implements, and leaves out what only other exports need.
#
# The proxy-wasm SDK defines every callback of the ABI, and rustc has the linker export them all. Envoy would then make callbacks that
# do nothing, unless its configuration restricts them, and the module would be an eighth larger. rustc passes `--export NAME` for
# each, and puts the folder of its own rust-lld in PATH. A test in `tests` holds the module's exports to this list.

is_needed() {
    case $1 in
        # What a module must have, whatever it implements.
        _initialize | proxy_abi_version_0_2_1 | proxy_on_memory_allocate) ;;
        # The callbacks that `CAPABILITIES` in filters/routing-config/src/capabilities.rs lists.
        proxy_on_context_create | proxy_on_configure | proxy_on_request_headers) ;;
        # Not of the SDK.
        proxy_*) return 1 ;;
    esac
}

left=$#
while [ "$left" -gt 0 ]; do
    if [ "$1" = --export ] && ! is_needed "$2"; then
        shift 2
        left=$((left - 2))
        continue
    fi
    set -- "$@" "$1"
    shift
    left=$((left - 1))
done
exec rust-lld "$@"
