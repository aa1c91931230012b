resource "kubectl_manifest" "vs" {
  yaml_body = templatefile("vs.yaml.tpl", {})
}
