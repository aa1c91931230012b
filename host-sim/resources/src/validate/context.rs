//! What the checks of a rule know of the VirtualService around it.

/// What the checks of a rule need to know of the VirtualService around it.
pub(super) struct Context<'v> {
    /// Without hosts it holds rules for others.
    pub(super) is_delegate: bool,
    /// Whether it is for gateways alone.
    pub(super) on_gateway: bool,
    /// Whether it leaves the mesh unnamed, be it that it names nothing.
    pub(super) without_mesh: bool,
    pub(super) hosts: &'v [String],
    /// Made by Istio from the Gateway API, where destinations are checked elsewhere.
    pub(super) converted: bool,
}
