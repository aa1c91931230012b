//! `fingerpost test`: tests of routing, next to the resources.
#![allow(dead_code)]

mod foreign;
mod read;
mod rule_name;
mod suite;
mod want;
