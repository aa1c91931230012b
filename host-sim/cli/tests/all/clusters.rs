//! `clusters`: the table and a cluster in full. What is in them, the field cases `clusters-…` hold.

use crate::run::{Folder, GATEWAY, SERVICE, SHOP, shop};

#[test]
fn into_a_pipe_every_cluster_is_one_line() {
    let folder = Folder::with("shop.yaml", &shop());
    let ended = folder.run("clusters -f shop.yaml");
    ended.check(0, &[]);
    let expected = "  \
  cluster          endpoints        from  balancing      protocol  routed by
  shop.default:80  shop.default:80  DNS   least request  HTTP/1.1  default/shop http[0]
";
    assert_eq!(ended.stdout, expected);
}

#[test]
fn a_cluster_that_is_named_is_shown_in_full() {
    let folder = Folder::with("shop.yaml", &shop());
    let ended = folder.run("clusters -f shop.yaml shop");
    ended.check(0, &[]);
    let expected = "\
cluster    shop.default:80
           outbound|80||shop.default.svc.cluster.local
service    Service default/shop  shop.yaml:24:18
endpoints  1 endpoint, from DNS
             shop.default.svc.cluster.local:80
balancing  least request
protocol   HTTP/1.1
limits     none
routed by  default/shop http[0]  shop.yaml:16:13
             all of its requests, for shop.example.com on port 80
";
    assert_eq!(ended.stdout, expected);
}

#[test]
fn no_line_of_a_cluster_in_full_is_wider_than_the_terminal() {
    let folder = Folder::with("shop.yaml", &shop());
    for width in [40, 80, 100] {
        let ended = folder.run_at(width, "clusters -f shop.yaml shop.default.svc.cluster.local:80");
        ended.check(0, &[]);
        for line in ended.stdout.lines() {
            assert!(line.len() <= width.max(46), "{width}: {line}"); // a name is never cut
        }
    }
}

#[test]
fn a_proxy_without_rules_to_services_says_so() {
    let redirect = SHOP.replace(
        "    route: [{destination: {host: shop}}]\n",
        "    directResponse: {status: 204}\n",
    );
    let redirect = redirect.replace("    rewrite: {uri: /}\n", "");
    let folder = Folder::with("shop.yaml", &[GATEWAY, &redirect, SERVICE].join("---\n"));
    let ended = folder.run("clusters -f shop.yaml");
    ended.check(0, &[]);
    assert_eq!(
        ended.stdout,
        "no rule leads to a cluster\n\nno rule leads to shop.default:80\n"
    );
}
