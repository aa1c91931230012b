# Puts subset-select and then uri-rewrite where the one filter was. $modules: the folder with their modules.
def part(name):
    .name = "fingerpost-" + name
  | .typed_config.config.name += "/" + name
  | .typed_config.config.vm_config.vm_id = "fingerpost-" + name
  | .typed_config.config.vm_config.code.local.filename
      = $modules + "/fingerpost_" + (name | gsub("-"; "_")) + ".wasm";

(.. | objects | select(has("http_filters")) | .http_filters)
  |= map(if .name == "fingerpost" then part("subset-select"), part("uri-rewrite") else . end)
