//! stub
/// stub
pub fn replace_ops(_e: &mut deno_core::Extension) {}
/// stub
#[derive(Debug, Clone, Default)]
pub struct OutboundPolicy {
    /// stub
    pub allow: Vec<ipnet::IpNet>,
    /// stub
    pub allow_private: bool,
}
