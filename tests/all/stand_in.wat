;; Takes the place of the filter, to fail on purpose. KEY is replaced by a dispatch key.
;;
;; A request with `x-trap` traps. One with `x-choose` gets the key, as if the filter had chosen it; others get none. One
;; with `x-beyond` calls a host function that the filter does not use, and traps unless that is refused.
(module
  (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value" (func $set (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "x-trap")
  (data (i32.const 16) "x-choose")
  (data (i32.const 32) "x-beyond")
  (data (i32.const 48) "x-fingerpost-route")
  (data (i32.const 512) "KEY")
  (func (export "proxy_abi_version_0_2_1"))
  ;; What the host writes is never looked at, so all of it may go to one place.
  (func (export "malloc") (param i32) (result i32) (i32.const 65536))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func $has (param $name i32) (param $length i32) (result i32)
    (i32.eqz (call $get (i32.const 0) (local.get $name) (local.get $length) (i32.const 1024) (i32.const 1028))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (call $has (i32.const 0) (i32.const 6)) (then (unreachable)))
    (if (call $has (i32.const 16) (i32.const 8))
      (then (drop (call $set (i32.const 0) (i32.const 48) (i32.const 18) (i32.const 512) (i32.const LENGTH)))))
    (if (call $has (i32.const 32) (i32.const 8))
      (then (drop (call $answer (i32.const 418) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const -1)))))
    (i32.const 0)))
