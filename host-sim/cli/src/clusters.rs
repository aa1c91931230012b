//! `fingerpost clusters`: where requests end, from files alone. `docs/json.md` has the JSON form.

use std::io::Write;

use clap::{Args, ValueEnum};
use fingerpost_config_compiler::{ClusterDetail, Compilation, cluster_details};
use fingerpost_resources::Code;
use fingerpost_terminal::clusters::{as_json, detail, table};
use fingerpost_terminal::findings::with_findings;
use fingerpost_terminal::style::{BOLD, DIM, paint};
use fingerpost_terminal::table::{terminal_width, width};
use fingerpost_terminal::{list, screen};
use serde_json::{Value, json};

use crate::args::{EngineName, Input};
use crate::assumed;
use crate::caller::Caller;
use crate::failure::{Failure, answered_in_json, print_json};
use crate::load::{findings_of, load_each};
use crate::proxy;

/// Show clusters, their endpoints and who routes to them
///
/// For each cluster: its endpoints and the resources that they are taken from, how one of them is chosen, the protocol,
/// the limits, and the rules that lead there. Destinations that have no cluster or no endpoint are shown with the
/// reason. Like `istioctl proxy-config clusters` and `endpoints`, without a cluster. Into a pipe, every cluster is one line.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fingerpost clusters -f k8s/
  fingerpost clusters -f k8s/ reviews
  fingerpost clusters -f k8s/ reviews.shop:9080
  fingerpost clusters -f k8s/ --format json | jq -r '.clusters[] | select(.lost) | .name'

Istio gives a gateway a cluster for every service. Fingerpost writes only those that rules lead to; the others are named \
below the table, and --all names all of them.")]
pub(crate) struct Clusters {
    #[command(flatten)]
    input: Input,

    /// Only these, in full: a host or its first labels (`reviews`), with a port (`reviews:9080`), or Envoy's name
    #[arg(value_name = "CLUSTER")]
    named: Vec<String>,

    /// How to print them
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Clusters {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.answer(),
            Format::Json => answered_in_json(self.answer()),
        }
    }

    fn answer(&self) -> Result<(), Failure> {
        let options = self.input.options(EngineName::Wasm, String::new());
        let proxies = load_each(
            &self.input,
            Caller::Clusters,
            options,
            &[Code::CertificateNotFound, Code::SubsetByDns],
        )?;
        let mut shown: Vec<(&Compilation, Vec<ClusterDetail>)> =
            proxies.iter().map(|it| (it, clusters(it))).collect();
        self.choose(&mut shown)?;
        match self.format {
            Format::Text => {
                let mut out = screen::stdout();
                out.write_all(self.text(&shown).as_bytes())?;
                Ok(out.flush()?)
            }
            Format::Json => {
                let all = shown.iter().flat_map(|(proxy, clusters)| {
                    clusters.iter().map(|it| as_json(it, &proxy.options.labels))
                });
                let answer = json!({
                    "version": 1,
                    "assumed": assumed::as_json(proxies.iter().map(|it| &it.assumed)),
                    "clusters": all.collect::<Vec<Value>>(),
                });
                print_json(&with_findings(answer, &findings_of(&proxies)))
            }
        }
    }

    /// Leaves the clusters that are named; each name must be that of one.
    fn choose(&self, shown: &mut Vec<(&Compilation, Vec<ClusterDetail>)>) -> Result<(), Failure> {
        if self.named.is_empty() {
            return Ok(());
        }
        let all = || shown.iter().flat_map(|(_, clusters)| clusters);
        if let Some(unknown) = self.named.iter().find(|name| !all().any(|it| it.is_named(name))) {
            let mut hosts: Vec<&str> = all().map(|it| it.host.as_str()).collect();
            hosts.dedup();
            return Err(Failure::refused(match hosts.as_slice() {
                [] => format!("no cluster `{unknown}`: there is none at all"),
                some => format!("no cluster `{unknown}`: there is {}", list(some, 10)),
            }));
        }
        for (_, clusters) in shown.iter_mut() {
            clusters.retain(|it| self.named.iter().any(|name| it.is_named(name)));
        }
        shown.retain(|(_, clusters)| !clusters.is_empty());
        Ok(())
    }

    fn text(&self, shown: &[(&Compilation, Vec<ClusterDetail>)]) -> String {
        let parts = shown.iter().map(|(proxy, clusters)| {
            let labels = (shown.len() > 1).then(|| {
                let labels = paint(BOLD, proxy::shown(&proxy.options.labels));
                format!("{} {labels}\n\n", paint(DIM, "proxy"))
            });
            let text = if self.named.is_empty() {
                table(clusters, terminal_width())
            } else {
                let details: Vec<String> = clusters.iter().map(|it| detail(it, width())).collect();
                details.join("\n")
            };
            labels.unwrap_or_default() + &text
        });
        parts.collect::<Vec<String>>().join("\n")
    }
}

fn clusters(proxy: &Compilation) -> Vec<ClusterDetail> {
    cluster_details(&proxy.resources, &proxy.options, &proxy.compiled)
}
