//! Finds or installs a stock Envoy, starts it and stops it.
