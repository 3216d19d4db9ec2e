//! Where workers are served: as the arguments say, else as the first project's configuration does.

use std::net::{IpAddr, Ipv4Addr};

use node::WorkerConfig;

use crate::args::DevArgs;
use crate::project;

/// The address where nothing else is asked for: this machine's alone.
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Where workers are to be served.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: IpAddr,
    /// The port that is asked for.
    pub(super) port: Option<u16>,
    pub(super) https: bool,
}

impl Place {
    pub(super) fn of(args: &DevArgs, workers: &[WorkerConfig]) -> Self {
        // One that cannot be read has its error told when it is loaded.
        let outline = workers.first().and_then(|worker| project::outline(worker).ok());
        let server = outline.map(|outline| outline.dev_server).unwrap_or_default();
        Self {
            host: args.address().or(server.ip).unwrap_or(HOST),
            port: args.port.or(server.port),
            https: args.https || server.https,
        }
    }
}
