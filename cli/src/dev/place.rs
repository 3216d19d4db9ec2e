//! Where workers are served: as the arguments say, else as the first project's configuration does.

use std::net::{IpAddr, Ipv4Addr};

use bundle::{OpenOptions, Project};

use crate::args::DevArgs;

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
    pub(super) fn of(args: &DevArgs) -> Self {
        let options = OpenOptions { environment: args.env.clone() };
        let first = args.workers.first();
        // One that cannot be opened has its error told when it is loaded.
        let project = first.and_then(|path| Project::open_with(path, &options).ok());
        let server = project.map(|project| project.dev_server()).unwrap_or_default();
        Self {
            host: args.address().or(server.ip).unwrap_or(HOST),
            port: args.port.or(server.port),
            https: args.https || server.https,
        }
    }
}
