apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ["${host}"]
  gateways: [edge]
  http:
  - route: [{destination: {host: shop, port: {number: 80}}}]
