//! The same rules in a script for Envoy's Lua filter, as people write them by hand: a table where the condition is one
//! value, a loop over the rules where it is not. The script names the cluster in a header, and one route reads it.
//!
//! It does the choice alone: no rewrites, retries or timeouts. A regular expression becomes a Lua pattern.

use std::fmt::Write as _;

use fingerpost_workload::{Condition, Kind, Rule, cluster, rules};

use crate::proxy::LUA_HEADER;

/// A constructor of a table with more entries would be too large for one function of LuaJIT.
const CHUNK: usize = 5000;

/// The script for a table of `count` rules.
pub(crate) fn script(kind: Kind, count: usize) -> String {
    let is_lookup = match kind {
        Kind::Exact | Kind::Header | Kind::Hosts => true,
        Kind::Prefix | Kind::Regex | Kind::Mix => false,
    };
    let mut script = String::from("local rules = {}\n");
    let rules: Vec<Rule> = rules(kind, count).collect();
    for chunk in rules.chunks(CHUNK) {
        script.push_str("(function()\n  local chunk = {\n");
        for rule in chunk {
            push_rule(&mut script, rule, is_lookup);
        }
        script.push_str("  }\n");
        script.push_str(match is_lookup {
            true => "  for value, cluster in pairs(chunk) do rules[value] = cluster end\n",
            false => "  for _, rule in ipairs(chunk) do rules[#rules + 1] = rule end\n",
        });
        // Without the semicolon, Lua would call what this chunk returns with the next one.
        script.push_str("end)();\n");
    }
    script.push_str(match kind {
        Kind::Exact => "local function choose(headers) return rules[headers:get(':path'):match('^[^?#]*')] end\n",
        Kind::Header => {
            "local function choose(headers)\n  local tenant = headers:get('x-tenant')\n  return tenant and rules[tenant]\nend\n"
        }
        Kind::Hosts => "local function choose(headers) return rules[headers:get(':authority')] end\n",
        Kind::Prefix | Kind::Regex | Kind::Mix => LOOP,
    });
    let _ = writeln!(
        script,
        "function envoy_on_request(request)\n  local headers = request:headers()\n  local cluster = choose(headers)\n  \
         if cluster then headers:replace('{LUA_HEADER}', cluster) end\nend"
    );
    script
}

/// Tries the rules in order: `{condition, value, cluster}`.
const LOOP: &str = "\
local function choose(headers)
  local path = headers:get(':path'):match('^[^?#]*')
  local tenant = headers:get('x-tenant')
  for i = 1, #rules do
    local rule = rules[i]
    local condition, value = rule[1], rule[2]
    if condition == 1 then
      if path:sub(1, #value) == value then return rule[3] end
    elseif condition == 2 then
      if tenant == value then return rule[3] end
    elseif condition == 3 then
      if path == value then return rule[3] end
    elseif path:find(value) then
      return rule[3]
    end
  end
end
";

fn push_rule(script: &mut String, rule: &Rule, is_lookup: bool) {
    let (condition, value) = match &rule.condition {
        Condition::Prefix(path) => (1, path.clone()),
        Condition::Header(value) => (2, value.clone()),
        Condition::Exact(path) => (3, path.clone()),
        Condition::Regex(path) => (4, format!("^{}[a-z]+/[0-9]+$", path.replace('-', "%-"))),
        Condition::Any => (0, rule.host.clone()),
    };
    let cluster = cluster(rule.service);
    let _ = match is_lookup {
        true => writeln!(script, "    [{value:?}] = {cluster:?},"),
        false => writeln!(script, "    {{{condition}, {value:?}, {cluster:?}}},"),
    };
}
